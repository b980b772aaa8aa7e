# What the guides' reader brings: addresses, names, a certificate and storage for the films.
for number in 1 2 3 4 5; do ip address add "10.0.0.$number/32" dev lo; done
cat >> /etc/hosts <<'END'
10.0.0.1 lungwise.example.org
10.0.0.2 database.example.org
10.0.0.3 broker.example.org
10.0.0.4 storage.example.org
END

install -d /etc/lungwise /etc/mysql
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Stand-in CA" \
    -addext "keyUsage=critical,keyCertSign" -keyout /guide/ca.key -out /etc/lungwise/ca.pem 2>/dev/null
certify() { # certify NAME CERTIFICATE KEY
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$3" -out /guide/request.pem 2>/dev/null
    printf 'subjectAltName=DNS:%s\n' "$1" > /guide/extensions
    openssl x509 -req -in /guide/request.pem -CA /etc/lungwise/ca.pem -CAkey /guide/ca.key -CAcreateserial \
        -days 2 -extfile /guide/extensions -out "$2" 2>/dev/null
}
certify lungwise.example.org /etc/ssl/lungwise.pem /etc/ssl/lungwise.key
certify database.example.org /etc/mysql/server.pem /etc/mysql/server.key
certify storage.example.org /guide/storage.pem /guide/storage.key
chmod 644 /etc/mysql/server.key

install -m 755 /guide/docker.py /usr/local/bin/docker

# Public authorities certify a real installation's parts; here each process is told of this one.
mkdir -p /etc/systemd/system.conf.d
printf '[Manager]\nDefaultEnvironment=AWS_CA_BUNDLE=/etc/lungwise/ca.pem\n' > /etc/systemd/system.conf.d/guide.conf
systemctl daemon-reexec
S3_IGNORE_SUBDOMAIN_BUCKETNAME=true PYTHONPATH=/guide/site-packages setsid python3 -c 'from moto.server import main; main()' \
    -H 10.0.0.4 -p 9000 -s -c /guide/storage.pem -k /guide/storage.key > /guide/storage.log 2>&1 &
for _ in $(seq 60); do
    curl --silent --fail --cacert /etc/lungwise/ca.pem -X PUT https://storage.example.org:9000/films > /dev/null && exit
    sleep 1
done
cat /guide/storage.log
exit 1
