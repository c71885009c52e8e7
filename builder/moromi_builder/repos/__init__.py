"""Making repositories: the commands of createrepo_c and mergerepo_c and what they read (spec: builder,
section 5).
"""
