# Sourced by util/quickstart and util/test: what they need of the machine, installed once.
# Nothing but Debian's own bash, python3 and apt is assumed.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$top/.venv"

# Some machines switch off compiled files, without which programs start slowly, or buffers, which hides
# what is not flushed.
unset PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

# A shell goes on after a program that caught Ctrl-C and ended well, as apt does.
trap 'echo "Interrupted." >&2; exit 130' INT
trap 'exit 143' TERM

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Needs root for: $*" >&2
        echo "Run this as root, or as a user with sudo." >&2
        exit 1
    fi
}

# patiently COMMAND…: a network or an archive may fail for a moment, and another apt may be at work.
patiently() {
    local pause
    for pause in 10 30 last; do
        if "$@"; then return; fi
        if [ $pause = last ]; then break; fi
        echo "This failed, and is tried again in $pause seconds: $*" >&2
        sleep $pause
    done
    echo "This failed three times: $*" >&2
    return 1
}

# need PACKAGE REASON: remember a Debian package that is not installed yet.
missing=()
need() {
    if ! dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; then
        missing+=("$1")
        printf '  %-18s %s\n' "$1" "$2"
    fi
}

install_missing() {
    if [ ${#missing[@]} = 0 ]; then return; fi
    echo "Installing ${#missing[@]} Debian packages (listed above)."
    patiently apt_install "${missing[@]}"
    missing=()
}

# apt_install PACKAGE…: with new lists each time, as apt is content with those it could fetch.
apt_install() {
    as_root dpkg --configure -a >/dev/null && # what an interrupted run left
        as_root apt-get update -qq -o Acquire::Retries=3 &&
        as_root env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes \
            apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

# need_package_lists: apt's lists, not older than a day unless the sample distribution is made already.
need_package_lists() {
    if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; then
        if [ -e "$top/.moromi/distro/.mkdistro.json" ]; then return; fi
        if [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mtime -1)" ]; then return; fi
    fi
    echo "Renewing apt's package lists: the sample distribution is made of Debian packages."
    patiently as_root apt-get update -qq -o Acquire::Retries=3
}

need_for_building() {
    need ca-certificates "https, for pip"
    need python3-venv "the Python environment of Moromi"
    need rpm "rpmbuild for the samples; rpm inside the engine"
    need dnf "fills chroots from repositories"
    need createrepo-c "makes and merges repositories"
    need git "fetches sources"
    need util-linux "namespaces for chroots"
    need dpkg-dev "turns Debian packages into the sample distribution"
    need xz-utils "unpacks them"
    need zstd "unpacks them"
    need procps "process tools that rpm scripts use"
}

need_for_copr() {
    need dnf-plugins-core "dnf copr"
    need wget "downloads what copr-cli built"
    need subversion "serves sources, and fetches them"
}

need_for_tests() {
    need gcc "compiles the Kerberos module of the unmodified koji client"
    need python3-dev "its headers"
    need libkrb5-dev "its library"
    need krb5-kdc "a KDC to log in with"
    need krb5-admin-server "its principals and keytabs"
    need krb5-user "tickets"
    need nginx-light "ends TLS in front of a hub"
    need openssl "makes certificates"
    need gnupg "signs packages, with rpmsign"
    need fish "a shell that completes"
    need zsh "another one"
    need tmux "a terminal to look at"
}

# make_venv EXTRAS: a virtual environment with Moromi installed in place, renewed when setup.cfg changes.
make_venv() {
    local wanted stamp unfinished
    wanted="$1 $(cat "$top/setup.cfg" "$top/setup.py" "$top/pyproject.toml" | sha256sum | cut -d' ' -f1) $top"
    stamp="$venv/.moromi-installed"
    unfinished="$venv/.moromi-unfinished"
    # Whoever has more extras than asked for has enough.
    if [ -e "$stamp" ] && { [ "$(cat "$stamp")" = "$wanted" ] || [ "$(cat "$stamp")" = "$all_extras ${wanted#* }" ]; }; then
        return
    fi
    # Neither an interrupted installation nor one that came from elsewhere can be trusted.
    if [ -e "$unfinished" ] || { [ -e "$stamp" ] && [[ "$(cat "$stamp")" != *" $top" ]]; } ||
        ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python3 -m venv --clear "$venv"
    fi
    echo "Installing Moromi [$1] and its dependencies into $venv"
    touch "$unfinished"
    patiently "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$top[$1]"
    echo "$wanted" >"$stamp"
    rm "$unfinished"
}

all_extras=hub,builder,cli,gssapi,test
