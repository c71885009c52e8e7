"""Finds the import packages of every top-level folder; all metadata is in setup.cfg."""

from setuptools import find_packages, setup

ROOTS = ("common", "schemas", "hub", "builder", "cli")

package_dir: dict[str, str] = {}
packages: list[str] = []
for root in ROOTS:
    for name in find_packages(root):
        packages.append(name)
        if "." not in name:
            package_dir[name] = f"{root}/{name}"

# What is beside it there is for this checkout: benchmarks, the quickstart, samples.
packages += find_packages("util", include=["moromi_upkeep*"])
package_dir["moromi_upkeep"] = "util/moromi_upkeep"

# No packages to import: `moromi.plugins.shipped` finds the directories beside the package `moromi`.
package_dir["moromi_plugins"] = "plugins"
packages += [f"moromi_plugins.{name}" for name in ("hub", "builder", "compat.kojihub")]
for side in ("hub", "builder"):
    packages += [f"moromi_plugins.{side}.{name}" for name in find_packages(f"plugins/{side}")]

setup(
    packages=packages,
    package_dir=package_dir,
    package_data={name: ["py.typed", "*.sql", "*.ini", "*.mako", "*.json"] for name in packages},
)
