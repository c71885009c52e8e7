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
    ("jar", "jar war rar ear sar jdocbook jdocbook-style", "zip", "Jar file"),
    ("zip", "zip", "zip", "Zip file"),
    ("pom", "pom", None, "Maven Project Object Management file"),
    ("tar", "tar tar.gz tar.bz2 tar.xz tgz", "tar", "Tar file"),
    ("xml", "xml", None, "XML file"),
    ("xmlcompressed", "xml.gz xml.bz2 xml.xz", None, "Compressed XML file"),
    ("xsd", "xsd", None, "XML Schema Definition"),
    ("spec", "spec", None, "RPM spec file"),
    ("exe", "exe", None, "Windows executable"),
    ("dll", "dll", None, "Windows dynamic link library"),
    ("lib", "lib", None, "Windows import library"),
    ("sys", "sys", None, "Windows device driver"),
    ("inf", "inf", None, "Windows driver information file"),
    ("cat", "cat", None, "Windows catalog file"),
    ("msi", "msi", None, "Windows Installer package"),
    ("pdb", "pdb", None, "Windows debug information"),
    ("oem", "oem", None, "Windows driver oem file"),
    ("iso", "iso", None, "CD/DVD Image"),
    ("raw", "raw", None, "Raw disk image"),
    ("qcow", "qcow", None, "QCOW image"),
    ("qcow2", "qcow2", None, "QCOW2 image"),
    ("vmdk", "vmdk", None, "vSphere image"),
    ("ova", "ova", None, "Open Virtualization Archive"),
    ("ks", "ks", None, "Kickstart"),
    ("cfg", "cfg", None, "Configuration file"),
    ("vdi", "vdi", None, "VirtualBox Virtual Disk Image"),
    ("aar", "aar", None, "Binary distribution of an Android Library project"),
    ("apklib", "apklib", None, "Source distribution of an Android Library project"),
    ("cab", "cab", None, "Windows cabinet file"),
    ("dylib", "dylib", None, "OS X dynamic library"),
    ("gem", "gem", None, "Ruby gem"),
    ("ini", "ini", None, "INI config file"),
    ("js", "js", None, "Javascript file"),
    ("ldif", "ldif", None, "LDAP Data Interchange Format file"),
    ("manifest", "manifest", None, "Runtime environment for .NET applications"),
    ("msm", "msm", None, "Windows merge module"),
    ("properties", "properties", None, "Properties file"),
    ("sig", "sig signature", None, "Signature file"),
    ("so", "so", None, "Shared library"),
    ("txt", "txt", None, "Text file"),
    ("vhd", "vhd", None, "Hyper-V image"),
    ("vhdx", "vhdx", None, "Hyper-V Virtual Hard Disk v2 image"),
    ("wsf", "wsf", None, "Windows script file"),
    ("box", "box", None, "Vagrant Box Image"),
    ("raw-xz", "raw.xz", None, "xz compressed raw disk image"),
    ("json", "json", None, "JSON data"),
    ("key", "key", None, "Key file"),
    ("dot", "dot gv", None, "DOT graph description"),
    ("groovy", "groovy gvy", None, "Groovy script file"),
    ("batch", "bat", None, "Batch file"),
    ("shell", "sh", None, "Shell script"),
    ("rc", "rc", None, "Resource file"),
    ("wsdl", "wsdl", None, "Web Services Description Language"),
    ("obr", "obr", None, "OSGi Bundle Repository"),
    ("liveimg-squashfs", "liveimg.squashfs", None, "liveimg compatible squashfs image"),
    ("tlb", "tlb", None, "OLE type library file"),
    ("jnilib", "jnilib", None, "Java Native Interface library"),
    ("yaml", "yaml yml", None, "YAML Ain't Markup Language"),
    ("xjb", "xjb", None, "JAXB(Java Architecture for XML Binding) Binding Customization File"),
    ("raw-gz", "raw.gz", None, "GZIP compressed raw disk image"),
    ("qcow2-compressed", "qcow2.gz qcow2.xz", None, "Compressed QCOW2 image"),
    ("iso-compressed", "iso.gz iso.xz", None, "Compressed iso image"),
    ("vhd-compressed", "vhd.gz vhd.xz", None, "Compressed VHD image"),
    ("vhdx-compressed", "vhdx.gz vhdx.xz", None, "Compressed VHDx image"),
    ("vmdk-compressed", "vmdk.gz vmdk.xz", None, "Compressed VMDK image"),
    ("kernel-image", "vmlinuz vmlinuz.gz vmlinuz.xz", None, "Kernel BZ2 Image"),
    ("initramfs", "img", None, "Compressed Initramfs Image"),
    ("checksum", "sha256", None, "Checksum file"),
    ("changes", "changes.xz changes", None, "Kiwi changes file"),
    ("packages", "packages", None, "Kiwi packages listing"),
    ("verified", "verified", None, "Kiwi verified package list"),
    ("erofs", "erofs", None, "erofs image"),
    ("erofs-compressed", "erofs.gz erofs.xz", None, "Compressed erofs image"),
    ("squashfs", "squashfs", None, "SquashFS image"),
    ("squashfs-compressed", "squashfs.gz squashfs.xz", None, "Compressed SquashFS image"),
    ("wsl", "wsl", None, "Compressed tarball for Windows Subsystem for Linux"),
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
