/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Opens a new terminal of the devpts that PTS is the root of, with open(2)'s FLAGS for the
 * master. *SLAVE is opened through the master (TIOCGPTPEER, ioctl_tty(2)), so that no path of the
 * container is followed; *NUMBER (may be NULL) is N of pts/N. Returns the master or a negative errno value.
 */
int terminal_open (int pts, int flags, int *slave, int *number);

/* Makes SLAVE the controlling terminal of this session leader. 0 or a negative errno value. */
int terminal_control (int slave);

/* Makes FDS the standard streams; those that are -1 become /dev/null of the root. 0 or a negative errno
 * value. */
int terminal_set_stdio (const int fds[3]);
