"""What `--json` prints, by command: the keys that will stay. For the reference; a test compares.

`[]` is a list of structs, `{}` one struct, `""` a list of texts; a key with `?` is not always there. Keys are
the hub's own where a command passes on what the hub says; times with `_ts` are seconds since 1970, `seconds`
is how long.
"""

_BUILD = (
    "build_id package_id package_name name version release epoch nvr draft state task_id owner_id owner_name "
    "volume_id volume_name promoter_id promoter_name creation_event_id creation_time start_time "
    "completion_time promotion_time"
)
_TAGGED = f"{_BUILD} id tag_id tag_name create_event"
_LISTED = f"{_BUILD} source extra creation_ts start_ts completion_ts promotion_ts"
_REPO = (
    "id tag_id tag_name state dist task_id task_state opts custom_opts creation_time creation_ts state_time "
    "state_ts create_event create_ts begin_event begin_ts end_event end_ts"
)
_TASK = (
    "id parent state method arch label request channel_id host_id owner priority weight waiting awaited "
    "create_time create_ts start_time start_ts completion_time completion_ts"
)
_TAG = "id name arches perm perm_id locked maven_support maven_include_all"
_GROUP = (
    "group_id name tag_id display_name description blocked exported is_default uservisible langonly "
    "biarchonly packagelist grouplist"
)
_HOST = "id user_id name arches capacity task_load description comment enabled ready update_ts"

KEYS: dict[str, str] = {
    "buildinfo": f"[] id {_LISTED} cg_id cg_name task tags maven win archives rpms changelog",
    "call": "what the hub answers",
    "diff-builds": "{} old new packages? files? dependencies? buildroot?",
    "export": "{} permissions? users? channels? hosts? external-repos? tags? targets?",
    "hostinfo": f"[] {_HOST} channels buildroots",
    "latest-build": f"[] {_TAGGED}",
    "list-api": "[] name doc args argspec argdesc",
    "list-buildroot": "{} rpms archives",
    "list-builds": f"[] {_LISTED}",
    "list-channels": (
        "[] id name description comment enabled enabled_hosts ready_hosts disabled_hosts load "
        "capacity percent"
    ),
    "list-external-repos": (
        "[] id? name? url external_repo_id? external_repo_name? tag_id? tag_name? priority? merge_mode? "
        "arches?"
    ),
    "list-groups": f"[] {_GROUP}",
    "list-history": "[] table created revoked",
    "list-hosts": f"[] {_HOST} channels?",
    "list-notifications": "{} notifications blocks",
    "list-permissions": "[] name id? description?",
    "list-pkgs": (
        "[] package_id package_name tag_id? tag_name? extra_arches? owner_id? owner_name? blocked?"
    ),
    "list-sidetags": "[] id name",
    "list-signed": '""',
    "list-tag-inheritance": (
        "[] child_id parent_id name currdepth nextdepth priority maxdepth intransitive noconfig pkg_filter "
        "filter"
    ),
    "list-tagged": f"[] {_TAGGED}",
    "list-tags": f"[] {_TAG}",
    "list-targets": "[] id name build_tag build_tag_name dest_tag dest_tag_name",
    "list-tasks": f"[] {_TASK} owner_name owner_type result",
    "list-untagged": "[] id name version release references?",
    "list-users": "[] id name status usertype krb_principals",
    "list-volumes": "[] id name",
    "moshimoshi": "{} hub version user",
    "repoinfo": f"[] {_REPO} buildroots",
    "rpminfo": (
        "[] id build_id name version release epoch arch draft size payloadhash buildtime buildroot_id "
        "external_repo_id external_repo_name metadata_only extra"
    ),
    "scheduler-info": "[] id task_id host_name state create_ts start_ts completion_ts",
    "scheduler-logs": "[] task_id host_name msg msg_ts",
    "search": "[] id name",
    "show-groups": f"[] {_GROUP}",
    "status": "{} hub version hosts queue slow repositories",
    "taginfo": (
        f"[] {_TAG} extra config_inheritance inherited groups links into from repo target_repos "
        "external_repos maven_enabled"
    ),
    "taskinfo": f"[] {_TASK} owner_name host_name buildroots builds outputs children parameters?",
    "userinfo": "[] id name status usertype krb_principals groups permissions packages tasks builds",
    "version": "{} client hub",
    "wait-repo": f"{{}} {_REPO}",
    "wait-repo-request": f"{{}} {_REPO}",
    "why": "[] task_id label state summary details position waiting_for failed?",
}
