"""The native chroot engine: mock's command line, configuration, files and exit codes.

The program is `moromi-chroot` (`main.py`, also `python -m moromi_chroot.main`). A builder that was written
for mock drives it unchanged: it writes a configuration file, runs commands, reads the result directory. It
needs root, and on the host dnf and rpm; overlayfs if it is there, else base chroots are copied.

The contract with a builder
---------------------------
* `<basedir>/<name>/root` is a directory on disk before, between and after commands. Files that the builder
  puts there between commands (a checkout below `root/<chroot_tmpdir>`, owned by BUILD_UID:BUILD_GID of
  `config`) are in the root at the next command; what a command makes is found there, also while it runs.
  With the overlay cache the directory holds only what differs from the cached base: `root/usr/bin/bash` is
  not there, and new files belong below directories that are new too, or are in `root` already.
* Nothing may be written to `root` while a command runs. `--spec` and `--sources` may name files there.
* The rpm database is in `root`, where the host's rpm reads it: `rpmdb.database(root)`, of mock's roots too.
* `<basedir>/<name>/result` (or `--resultdir`) holds the logs, which grow while a command runs, and once a
  build has succeeded its packages, each put in place complete.
* Every command works alone on a root: another one ends with 60.
* A command that is told to end (TERM, INT, HUP: it exits with 128 + signal) or is killed (KILL, its process
  group too) leaves no process and no mount; `--clean` or `--scrub=all` then removes the root.
* Not to be found in mock: `config_opts['moromi_cache']` ("overlay", "copy" or "none") and
  `config_opts['moromi_cache_limit']`, the number of cached bases. `config_opts['cache_topdir']` is by default
  /var/cache/moromi-chroot; all roots should share one.

How it works: `configfile` and `config` read the configuration, `buildroot` makes the root from a base of
`rootcache` (named by `baseroot`, filled by `dnf`), `builds` runs rpmbuild, all of it in a `sandbox`.
"""
