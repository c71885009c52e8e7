"""All shipped task handlers: importing this module registers them."""

from moromi_builder.tasks import (  # noqa: F401 - imported for their registrations
    build,
    buildarch,
    buildsrpm,
    chainbuild,
    createrepo,
    daemon,
    dependant,
    newrepo,
    tagbuild,
    testing,
    waitrepo,
)
