# Before each section: what stands in for the person at the keyboard. Prompts are answered, and what runs until it is
# told to stop goes to the background, and ends with its section.
set -e -o pipefail
export DEBIAN_FRONTEND=noninteractive PIP_NO_INDEX=1 PIP_FIND_LINKS=/guide/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1
export AWS_CA_BUNDLE=/etc/lungwise/ca.pem SSL_CERT_FILE=/etc/lungwise/ca.pem CURL_CA_BUNDLE=/etc/lungwise/ca.pem
running=

stop() { # what a person ends with Ctrl-C before the next command
    [ -z "$running" ] || { kill -- "-$running"; wait "$running" || true; }
    running=
}
trap stop EXIT

background() { # background WORD COMMAND...: start it, and wait until its output has the word
    local word=$1 output
    shift
    stop
    output=$(mktemp)
    setsid "$@" > "$output" 2>&1 &
    running=$!
    for _ in $(seq 300); do
        sleep 1
        kill -0 "$running" || { cat "$output"; echo "It ended by itself: $*"; exit 1; }
        ! grep --quiet "$word" "$output" || { tail -3 "$output"; return; }
    done
    cat "$output"
    exit 1
}

lungwise() {
    case "$1 ${2-}" in
    "serve "*) background "listens at" "$(type -P lungwise)" "$@" ;;
    "worker "*) background "The worker reads" "$(type -P lungwise)" "$@" ;;
    "node "*) background "takes films" "$(type -P lungwise)" "$@" ;;
    "hl7 "*) background "are taken at" "$(type -P lungwise)" "$@" ;;
    "users add") command lungwise "$@" --password "correct horse battery staple 7" ;;
    "users delete" | "keys accept-secret" | "clinics reopen") command lungwise "$@" --yes ;;
    "read "*) command lungwise "$@" || [ $? = 3 ] ;; # a synthetic film is refused
    *) command lungwise "$@" ;;
    esac
}

curl() { command curl --silent --show-error "$@"; }

make() {
    case $1 in
    run) background "listens at" "$(type -P make)" "$@" ;;
    *) command make "$@" ;;
    esac
}
