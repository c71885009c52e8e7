# Sourced by util/quickstart and util/test: what they need of the machine, installed once.
# Nothing but Debian's own bash, python3 and apt is assumed.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$top/.venv"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
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
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    missing=()
}

need_for_building() {
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

need_for_tests() {
    need gcc "compiles the Kerberos module of the unmodified koji client"
    need python3-dev "its headers"
    need libkrb5-dev "its library"
}

# make_venv EXTRAS: a virtual environment with Moromi installed in place, renewed when setup.cfg changes.
make_venv() {
    local wanted stamp
    wanted="$1 $(cat "$top/setup.cfg" "$top/setup.py" "$top/pyproject.toml" | sha256sum | cut -d' ' -f1) $top"
    stamp="$venv/.moromi-installed"
    # Whoever has more extras than asked for has enough.
    if [ -e "$stamp" ] && { [ "$(cat "$stamp")" = "$wanted" ] || [ "$(cat "$stamp")" = "$all_extras ${wanted#* }" ]; }; then
        return
    fi
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    echo "Installing Moromi [$1] and its dependencies into $venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -e "$top[$1]"
    echo "$wanted" >"$stamp"
}

all_extras=hub,builder,cli,gssapi,test
