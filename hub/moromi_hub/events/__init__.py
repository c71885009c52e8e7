"""The push service: what changes in the database, sent to those who wait for it.

A process of its own, so that ten thousand open streams cost the web servers
nothing. It LISTENs on the database and answers with server-sent events; see
docs/push.md for the streams and their messages. Nothing depends on it: everybody
who listens here also polls, slowly.
"""
