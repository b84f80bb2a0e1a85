"""The supply chain: hashes and licences of the dependencies, digests of the images.

- `lock` writes the hashes of all versions in constraints.txt.
- `licences` lists the licence of each dependency.
- `digests` pins the images of containers.
- `repack` makes sdists independent of the machine, and `twice` compares two builds.
"""
