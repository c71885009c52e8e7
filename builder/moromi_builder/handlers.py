"""All shipped task handlers: importing this module registers them."""

from moromi_builder.tasks import (  # noqa: F401 - imported for their registrations
    build,
    buildarch,
    buildsrpm,
    chainbuild,
    createdistrepo,
    createrepo,
    daemon,
    dependant,
    distrepo,
    newrepo,
    notifications,
    tagbuild,
    testing,
    waitrepo,
)
