"""Calls of mail subscriptions."""

from __future__ import annotations

from typing import Any

from moromi_hub.call import Call
from moromi_hub.notifications import service
from moromi_hub.notifications.service import BLOCK, SUBSCRIPTION
from moromi_hub.rpc.registry import ANYONE, checked, exported

OWNER = checked("the user it is for, or permission admin")


@exported("getBuildNotifications", access=ANYONE)
def get_build_notifications(call: Call, userID: Any = None) -> list[dict[str, Any]]:
    """The subscriptions of a user (nil: the caller): shape `Notification`."""
    return service.of_user(call, SUBSCRIPTION, userID)


@exported("getBuildNotification", access=ANYONE)
def get_build_notification(call: Call, id: Any, strict: bool = False) -> dict[str, Any] | None:
    """One subscription, or nil: shape `Notification`."""
    return service.get(call, SUBSCRIPTION, id, strict)


@exported("getBuildNotificationBlocks", access=ANYONE)
def get_build_notification_blocks(call: Call, userID: Any = None) -> list[dict[str, Any]]:
    """What a user (nil: the caller) wants no mail about: shape `NotificationBlock`."""
    return service.of_user(call, BLOCK, userID)


@exported("getBuildNotificationBlock", access=ANYONE)
def get_build_notification_block(call: Call, id: Any, strict: bool = False) -> dict[str, Any] | None:
    """One block, or nil: shape `NotificationBlock`."""
    return service.get(call, BLOCK, id, strict)


@exported("createNotification", access=OWNER)
def create_notification(call: Call, user_id: Any, package_id: Any, tag_id: Any, success_only: Any) -> None:
    """Subscribe a user (nil: the caller) to builds of a package (nil: any) in a tag (nil: any)."""
    subject = {"package_id": package_id, "tag_id": tag_id}
    service.create(call, SUBSCRIPTION, user_id, subject, success_only=bool(success_only))


@exported("updateNotification", access=OWNER)
def update_notification(call: Call, id: Any, package_id: Any, tag_id: Any, success_only: Any) -> None:
    """Change what a subscription is about."""
    service.change(call, id, {"package_id": package_id, "tag_id": tag_id}, bool(success_only))


@exported("deleteNotification", access=OWNER)
def delete_notification(call: Call, id: Any) -> None:
    """End a subscription."""
    service.remove(call, SUBSCRIPTION, id)


@exported("createNotificationBlock", access=OWNER)
def create_notification_block(call: Call, user_id: Any, package_id: Any = None, tag_id: Any = None) -> None:
    """Send a user (nil: the caller) no mail about builds of a package in a tag."""
    service.create(call, BLOCK, user_id, {"package_id": package_id, "tag_id": tag_id})


@exported("deleteNotificationBlock", access=OWNER)
def delete_notification_block(call: Call, id: Any) -> None:
    """End a block."""
    service.remove(call, BLOCK, id)
