"""The configuration of a hub as a document: read it from the hub, check one, plan and make the changes.

`document` says what a document may hold, `reading` makes one of a hub, `plan` compares the two, `applying`
makes the changes. A key that a document has is the whole truth about it; what it does not name stays as it
is.
"""
