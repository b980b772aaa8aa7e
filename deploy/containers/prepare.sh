#!/bin/sh
# Makes what compose.yaml mounts, in the folder `made` beside it: prepare.sh NAME, the name that browsers ask for.
# Keys and passwords are made once; the folder is closed to others, and each container sees only what is mounted into it.
set -eu
name=$1
cd "$(dirname "$0")"
install -d -m 700 made
made() { # made FILE: whether it is there already; otherwise it is written from what is given
    [ ! -e "made/$1" ] || return 0
    cat >"made/$1"
    chmod 444 "made/$1"
}
password() { openssl rand -hex 24; }

made database-root-password <<END
$(password)
END
made database-password <<END
$(password)
END
made redis.conf <<END
requirepass $(password)
save ""
appendonly no
maxmemory 64mb
maxmemory-policy noeviction
END
made storage.json <<END
{"identities": [{"name": "lungwise", "credentials": [{"accessKey": "lungwise", "secretKey": "$(password)"}],
  "actions": ["Admin", "Read", "Write", "List"]}]}
END
made settings.toml <<END
database_url = "mysql+pymysql://lungwise:$(cat made/database-password)@database/lungwise"
broker_url = "redis://:$(sed -n 's/^requirepass //p' made/redis.conf)@broker:6379/0"
films_url = "s3://films/lungwise"
s3_endpoint = "http://storage:8333"
s3_access_key = "lungwise"
s3_secret_key = "$(sed -n 's/.*"secretKey": "\([^"]*\)".*/\1/p' made/storage.json)"
data_folder = "/var/lib/lungwise"
secret_key = "$(openssl rand -base64 48)"
encryption_keys = "$(openssl rand -base64 32)"
metrics_token = "$(password)"
public_url = "https://$name"
https = true
proxies = 1
log_format = "json"
END

rm -f made/nginx.conf
{
    printf 'upstream lungwise {\n    server pages:8000;\n}\n'
    sed -e "s/lungwise\.example\.org/$name/" -e 's|/var/log/nginx/lungwise\.log|/dev/stdout|' \
        ../several-machines/nginx.conf
} | made nginx.conf
