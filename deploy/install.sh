#!/usr/bin/env bash
# Install, upgrade or roll back the node as a service of systemd.
#
#   install.sh [--wheelhouse FOLDER] [--gpu] [--python PYTHON] [--user NAME] [--root FOLDER] [--no-start]
#   install.sh --rollback [--user NAME] [--root FOLDER] [--no-start]
#
#   --wheelhouse  install from this folder and ask no network: made by make_wheelhouse.sh on a machine that has one
#   --gpu         the build of PyTorch with CUDA, from deploy/requirements-gpu.lock; not with --wheelhouse
#   --python      interpreter to use; CPython 3.11, the version that the hashes are for, where it is not in a wheelhouse
#   --user        service user, made where absent, without a shell; mvi-node
#   --root        lay everything below this folder and touch nothing outside: to look at it, or to run it from there
#   --no-start    do not start the service
#
# Every package is checked against its hash. Run again it changes nothing; run with another version it upgrades: the
# configuration is checked with the new version first, ledger and configuration are backed up, the ledger is migrated,
# and whatever fails puts the old version back. Exit codes: 0 done, 1 failed and as it was before, 2 wrong usage.
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")" && pwd)
root="" wheelhouse="" lock=$here/requirements-cpu.lock python=${PYTHON:-python3} user=mvi-node start=yes rollback=""

say() { echo "install: $*" >&2; }
fail() { say "$1"; exit "${2:-1}"; }

while [ $# -gt 0 ]; do
  case $1 in
    --wheelhouse) wheelhouse=$(realpath "${2:?--wheelhouse needs a folder}"); shift ;;
    --gpu) lock=$here/requirements-gpu.lock ;;
    --python) python=${2:?--python needs a program}; shift ;;
    --user) user=${2:?--user needs a name}; shift ;;
    --root) mkdir -p "${2:?--root needs a folder}"; root=$(realpath "$2"); shift ;;
    --no-start) start="" ;;
    --rollback) rollback=yes ;;
    --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) fail "unknown option $1; see $0 --help" 2 ;;
  esac
  shift
done
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root, or with --root FOLDER" 2

opt=$root/opt/mvi-node etc=$root/etc/mvi-node storage=$root/var/lib/mvi-node backups=$root/var/backups/mvi-node
config=$etc/node.toml unit=$root/etc/systemd/system/mvi-node.service
with_environment="set -a; [ ! -r $etc/environment ] || . $etc/environment; set +a; exec \"\$@\""
current() { basename "$(readlink "$opt/$1" 2>/dev/null)" 2>/dev/null; }

# With --root the machine's own systemd is none of our business.
systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }
stop_service() { if systemd; then systemctl stop mvi-node 2>/dev/null || true; fi; }
start_service() {
  if [ -n "$start" ] && systemd; then
    systemctl daemon-reload && systemctl enable --quiet mvi-node && systemctl restart mvi-node || return 1
    # A configuration or a ledger that does not do ends the service within seconds, and not at once.
    for _ in 1 2 3 4 5; do
      sleep 3
      systemctl is-active --quiet mvi-node || return 1
    done
  fi
}

# As the service user, with its passwords in the environment. Everything below the folders that it owns is done so: root
# would follow a link that a service which was taken over has laid there.
as_user() {
  local drop=()
  [ "$(id -u)" != 0 ] || drop=(setpriv --reuid="$uid" --regid="$gid" --clear-groups --)
  (umask 077 && cd / && HOME="$storage" MVI_NODE_CONFIG="$config" "${drop[@]}" sh -c "$with_environment" sh "$@")
}

make_user() {
  if [ "$(id -u)" != 0 ]; then
    say "not root: everything belongs to $(id -un), and no service user is made"
    return
  fi
  local accounts=$root/etc
  mkdir -p "$accounts"
  touch "$accounts/passwd" "$accounts/group"
  if ! grep -q "^$user:" "$accounts/passwd"; then
    local below=()
    [ -z "$root" ] || below=(--prefix "$root")
    groupadd "${below[@]}" --system "$user"
    useradd "${below[@]}" --system --gid "$user" --no-create-home --home-dir /var/lib/mvi-node \
      --shell /usr/sbin/nologin "$user"
  fi
  uid=$(awk -F: -v name="$user" '$1 == name {print $3}' "$accounts/passwd")
  gid=$(awk -F: -v name="$user" '$1 == name {print $4}' "$accounts/passwd")
  own=(-o "$uid" -g "$gid")
}

make_folders() {
  install -d -m 0755 "$opt" "$opt/releases" "$(dirname "$unit")" "$root/usr/local/bin"
  install -d -m 0750 "${own[@]}" "$etc"
  install -d -m 0700 "${own[@]}" "$storage" "$backups"
}

# A release is a virtual environment, named after the version and the hash of everything in it.
demand_runnable() {
  as_user "$1" -c "" 2>/dev/null ||
    fail "the service user cannot run $1: is $(readlink -f "$1") readable for all? Name another with --python"
}

make_release() {
  release=$(sed -n 's/^mvi-node==\([^ ]*\) .*/\1/p' "$wheelhouse/requirements.lock")-$(sha256sum "$wheelhouse/requirements.lock" | cut -c1-12)
  [ "$release" != "-" ] || fail "$wheelhouse holds no node; make it with make_wheelhouse.sh" 2
  venv=$opt/releases/$release
  [ ! -e "$venv/.complete" ] || return 0
  say "installing $release"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-index --find-links "$wheelhouse" \
    --no-deps --require-hashes --no-cache-dir --requirement "$wheelhouse/requirements.lock"
  demand_runnable "$venv/bin/python"
  touch "$venv/.complete"
}

make_configuration() {
  [ ! -e "$config" ] || return 0
  as_user "$venv/bin/mvi-node" config init "$config" --json >/dev/null
  as_user sed -i -e "s|^storage = \"[^\"]*\"|storage = \"$storage\"|" -e '/^\[watch\]/,/^port/s/^port = 0  */port = 9108                       /' "$config"
}

make_unit() {
  sed -e "s|@PREFIX@|$root|g" -e "s|@USER@|$user|g" "$here/node.service" >"$unit"
  # The verbs run as the service user too: a file of root in the storage folder would stop the service.
  cat >"$root/usr/local/bin/mvi-node" <<EOF
#!/bin/sh
umask 077
export MVI_NODE_CONFIG="\${MVI_NODE_CONFIG:-$config}"
set -- sh -c '$with_environment' sh $opt/current/bin/mvi-node "\$@"
[ "\$(id -u)" != 0 ] || set -- setpriv --reuid=${uid:-0} --regid=${gid:-0} --clear-groups -- "\$@"
exec "\$@"
EOF
  chmod 0755 "$root/usr/local/bin/mvi-node"
}

point() { ln -sfn "releases/$2" "$opt/$1.new" && mv -T "$opt/$1.new" "$opt/$1"; }

# backup FOLDER RELEASE: ledger and configuration, and which release they belong to.
backup() {
  as_user mkdir "$1" && as_user cp "$config" "$1/node.toml" &&
    as_user "$venv/bin/mvi-node" db backup "$1/ledger" && as_user touch "$1/of-$2"
}

upgrade() {
  local old=$1 saved
  as_user "$venv/bin/mvi-node" config check >/dev/null ||
    fail "$release does not take $config as it is; nothing was changed. Mend it, and run this again"
  stop_service
  saved=$backups/$(date -u +%Y%m%dT%H%M%SZ)-$old
  if ! backup "$saved" "$old"; then
    start_service || true
    fail "the ledger could not be backed up; nothing was changed"
  fi
  if ! as_user "$venv/bin/mvi-node" db migrate; then
    as_user "$venv/bin/mvi-node" db restore "$saved/ledger"
    start_service || true
    fail "the ledger could not be migrated; it is as it was, and $old goes on"
  fi
  point previous "$old"
  point current "$release"
  make_unit
  if ! start_service; then
    say "$release does not start (journalctl -u mvi-node); going back to $old"
    go_back
    fail "$old runs again"
  fi
  say "upgraded $old -> $release; backup in $saved; $0 --rollback goes back"
}

# The version before the last upgrade, with ledger and configuration as they were then. What has arrived since lies in
# the inbox, and enters the ledger when the node starts.
go_back() {
  local old new saved
  old=$(current previous) new=$(current current)
  [ -n "$old" ] && [ -e "$opt/releases/$old/.complete" ] || fail "there is no version to go back to"
  saved=$(find "$backups" -mindepth 2 -maxdepth 2 -name "of-$old" | sort | tail -n 1)
  [ -n "$saved" ] || fail "there is no backup of the ledger of $old in $backups"
  saved=$(dirname "$saved") venv=$opt/releases/$new
  stop_service
  backup "$backups/$(date -u +%Y%m%dT%H%M%SZ)-$new" "$new" || fail "the ledger could not be backed up; nothing was changed"
  as_user "$venv/bin/mvi-node" db restore "$saved/ledger"
  as_user cp "$saved/node.toml" "$config"
  point current "$old"
  rm -f "$opt/previous"
  start_service || say "$old does not start: journalctl -u mvi-node"
  say "rolled back $new -> $old, ledger and configuration of $saved"
}

uid="" gid="" own=() release="" venv=""
# What was asked for wrongly is told before anything is made, a user of the system above all.
if [ -z "$rollback" ]; then
  "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$python is not Python 3.11 or newer with venv (Debian: python3-venv); name one with --python" 2
  [ -z "$wheelhouse" ] || [ -f "$wheelhouse/requirements.lock" ] ||
    fail "$wheelhouse holds no requirements.lock; make it with make_wheelhouse.sh" 2
fi
make_user
if [ -n "$rollback" ]; then
  go_back
  exit 0
fi
make_folders
# Before a hundred packages are fetched for nothing.
demand_runnable "$(readlink -f "$("$python" -c 'import sys; print(sys.executable)')")"
if [ -z "$wheelhouse" ]; then
  wheelhouse=$(mktemp -d)
  trap 'rm -rf "$wheelhouse"' EXIT
  "$here/make_wheelhouse.sh" --lock "$lock" --python "$python" "$wheelhouse"
fi
make_release
make_configuration
old=$(current current)
if [ -n "$old" ] && [ "$old" != "$release" ]; then
  upgrade "$old"
  exit 0
fi
as_user "$venv/bin/mvi-node" db migrate
point current "$release"
make_unit
start_service || fail "$release does not start: journalctl -u mvi-node"
say "$release is installed. It listens on this machine alone until node.host in $config says otherwise: edit that, then $root/usr/local/bin/mvi-node doctor"
