/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "application.h"
#include "words.h"

int
main (int argc, char **argv)
{
  g_autoptr (GApplication) application = NULL;

  app_words_begin ();
  application = app_application_new ();
  return g_application_run (application, argc, argv);
}
