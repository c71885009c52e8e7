"""The rows that a freshly created database holds (spec/schema-objects.md, section 10).

There are no users, hosts, tags or events among them.  Rows are written in order, so that a fresh database has
Koji's ids; still, look everything up by name, for an upgraded one may number them otherwise.  Only `volume` 0
and `external_repo` 0 may be relied on, and they do not consume their sequences.
"""

from sqlalchemy import Connection, insert

from . import tables as t

# (name, description); clients show the description, so the words are those of a Koji database.
PERMISSIONS = (
    ("admin", "Full administrator access. Perform all actions."),
    ("appliance", "Create appliance builds - deprecated."),
    ("dist-repo", "Create a dist-repo."),
    ("host", "Add, remove, enable, disable hosts and channels."),
    ("image", "Start image tasks."),
    ("image-import", "Import image archives."),
    ("livecd", "Start livecd tasks."),
    ("maven-import", "Import maven archives."),
    ("repo", "Manage repos: newRepo, repoExpire, repoDelete, repoProblem."),
    ("sign", "Import RPM signatures and write signed RPMs."),
    ("tag", "Manage packages in tags: add, block, remove, and clone tags."),
    ("target", "Add, edit, and remove targets."),
    ("win-admin", 'The default hub policy rule for "vm" requires this permission to trigger Windows builds.'),
    ("win-import", "Import win archives."),
    (
        "draft-promoter",
        'The permission required in the default "draft_promotion" hub policy rule to promote draft build.',
    ),
)

CHANNELS = ("default", "createrepo", "maven", "livecd", "appliance", "vm", "image", "livemedia")

BTYPES = ("rpm", "maven", "win", "image")

LOCKS = ("protonmsg-plugin", "scheduler", "repo-queue")

# (name, extensions, how its members can be listed, description)
ARCHIVETYPES = (
    ("jar", "jar war rar ear sar jdocbook jdocbook-style", "zip", "Java archive"),
    ("zip", "zip", "zip", "ZIP archive"),
    ("pom", "pom", None, "Maven POM"),
    ("tar", "tar tar.gz tar.bz2 tar.xz tgz", "tar", "tar archive"),
    ("xml", "xml", None, "XML"),
    ("xmlcompressed", "xml.gz xml.bz2 xml.xz", None, "XML, compressed"),
    ("xsd", "xsd", None, "XML schema"),
    ("spec", "spec", None, "spec file of an rpm"),
    ("exe", "exe", None, "Windows program"),
    ("dll", "dll", None, "Windows DLL"),
    ("lib", "lib", None, "Windows import library (lib)"),
    ("sys", "sys", None, "Windows driver (sys)"),
    ("inf", "inf", None, "Windows driver inf"),
    ("cat", "cat", None, "Windows catalog"),
    ("msi", "msi", None, "Windows installer (msi)"),
    ("pdb", "pdb", None, "Windows debug symbols"),
    ("oem", "oem", None, "Windows driver oem"),
    ("iso", "iso", None, "Optical disc image"),
    ("raw", "raw", None, "Disk image, raw"),
    ("qcow", "qcow", None, "Disk image, qcow"),
    ("qcow2", "qcow2", None, "Disk image, qcow2"),
    ("vmdk", "vmdk", None, "Disk image, vmdk"),
    ("ova", "ova", None, "OVA appliance"),
    ("ks", "ks", None, "Kickstart script"),
    ("cfg", "cfg", None, "Configuration"),
    ("vdi", "vdi", None, "Disk image, VirtualBox"),
    ("aar", "aar", None, "Android library (binary)"),
    ("apklib", "apklib", None, "Android library (source)"),
    ("cab", "cab", None, "Cabinet archive"),
    ("dylib", "dylib", None, "macOS shared library"),
    ("gem", "gem", None, "Gem for Ruby"),
    ("ini", "ini", None, "INI settings"),
    ("js", "js", None, "JavaScript source"),
    ("ldif", "ldif", None, "LDIF data"),
    ("manifest", "manifest", None, ".NET manifest"),
    ("msm", "msm", None, "Windows installer merge module"),
    ("properties", "properties", None, "Java properties"),
    ("sig", "sig signature", None, "Detached signature"),
    ("so", "so", None, "ELF shared object"),
    ("txt", "txt", None, "Plain text"),
    ("vhd", "vhd", None, "Disk image, vhd"),
    ("vhdx", "vhdx", None, "Disk image, vhdx"),
    ("wsf", "wsf", None, "Windows script"),
    ("box", "box", None, "Vagrant box"),
    ("raw-xz", "raw.xz", None, "Disk image, raw, xz"),
    ("json", "json", None, "JSON"),
    ("key", "key", None, "Cryptographic key"),
    ("dot", "dot gv", None, "Graphviz graph"),
    ("groovy", "groovy gvy", None, "Groovy source"),
    ("batch", "bat", None, "Windows batch"),
    ("shell", "sh", None, "Shell"),
    ("rc", "rc", None, "Resources"),
    ("wsdl", "wsdl", None, "WSDL service description"),
    ("obr", "obr", None, "OSGi repository index"),
    ("liveimg-squashfs", "liveimg.squashfs", None, "Squashfs for liveimg"),
    ("tlb", "tlb", None, "Type library (OLE)"),
    ("jnilib", "jnilib", None, "JNI library"),
    ("yaml", "yaml yml", None, "YAML"),
    ("xjb", "xjb", None, "JAXB bindings"),
    ("raw-gz", "raw.gz", None, "Disk image, raw, gzip"),
    ("qcow2-compressed", "qcow2.gz qcow2.xz", None, "Disk image, qcow2, compressed"),
    ("iso-compressed", "iso.gz iso.xz", None, "Optical disc image, compressed"),
    ("vhd-compressed", "vhd.gz vhd.xz", None, "Disk image, vhd, compressed"),
    ("vhdx-compressed", "vhdx.gz vhdx.xz", None, "Disk image, vhdx, compressed"),
    ("vmdk-compressed", "vmdk.gz vmdk.xz", None, "Disk image, vmdk, compressed"),
    ("kernel-image", "vmlinuz vmlinuz.gz vmlinuz.xz", None, "Linux kernel image"),
    ("initramfs", "img", None, "Initial ramdisk"),
    ("checksum", "sha256", None, "Checksums"),
    ("changes", "changes.xz changes", None, "kiwi change list"),
    ("packages", "packages", None, "kiwi package list"),
    ("verified", "verified", None, "kiwi verification list"),
    ("erofs", "erofs", None, "EROFS filesystem"),
    ("erofs-compressed", "erofs.gz erofs.xz", None, "EROFS filesystem, compressed"),
    ("squashfs", "squashfs", None, "SquashFS filesystem"),
    ("squashfs-compressed", "squashfs.gz squashfs.xz", None, "SquashFS filesystem, compressed"),
    ("wsl", "wsl", None, "WSL root tarball"),
)


def insert_initial_rows(connection: Connection) -> None:
    """Write the rows of a fresh database; the tables must be empty."""
    connection.execute(insert(t.permissions), [{"name": n, "description": d} for n, d in PERMISSIONS])
    connection.execute(insert(t.channels), [{"name": name} for name in CHANNELS])
    connection.execute(insert(t.btype), [{"name": name} for name in BTYPES])
    connection.execute(insert(t.locks), [{"name": name} for name in LOCKS])
    connection.execute(insert(t.volume), {"id": 0, "name": "DEFAULT"})
    connection.execute(insert(t.external_repo), {"id": 0, "name": "INTERNAL"})
    connection.execute(
        insert(t.archivetypes),
        [
            {"name": name, "extensions": extensions, "compression_type": compression, "description": text}
            for name, extensions, compression, text in ARCHIVETYPES
        ],
    )
