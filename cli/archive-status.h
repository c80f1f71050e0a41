/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How bothy-archive ends when it did not do all. */
enum {
  ARCHIVE_STATUS_UNREADABLE = 1, /* it said on standard error what could not be read, or made */
  ARCHIVE_STATUS_UNWANTED = 2,   /* nobody reads the archive */
};
