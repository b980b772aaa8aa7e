#!/bin/sh
# Runs a command as the service's user and with its settings, so that no file ends up belonging to root.
export LUNGWISE_SETTINGS=/etc/lungwise/settings.toml
exec runuser -u lungwise -- /opt/lungwise/bin/lungwise "$@"
