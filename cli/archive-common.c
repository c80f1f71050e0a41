/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive-common.h"
#include "archive-status.h"

static void (*clear_up_at_end) (void);

char *
archive_with_first (const char *name, const char *first)
{
  char *whole;

  if (asprintf (&whole, "%s%s", first, name + strcspn (name, "/")) < 0)
    archive_give_up (name, "Out of memory");
  return whole;
}

/* Names are somebody else's, and a terminal takes orders. */
static void
print_escaped (const char *text)
{
  for (; *text; text++)
    if ((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f)
      putc (*text, stderr);
    else
      fprintf (stderr, "\\x%02x", (unsigned char)*text);
}

void
archive_set_clear_up (void (*clear_up) (void))
{
  clear_up_at_end = clear_up;
}

_Noreturn void
archive_give_up (const char *name, const char *reason)
{
  if (clear_up_at_end != NULL)
    clear_up_at_end ();
  fputs ("bothy: ", stderr);
  print_escaped (name);
  fputs (": ", stderr);
  print_escaped (reason != NULL ? reason : "?");
  putc ('\n', stderr);
  _exit (ARCHIVE_STATUS_UNREADABLE);
}
