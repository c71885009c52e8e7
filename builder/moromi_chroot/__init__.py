"""The native chroot engine behind mock's command line."""
