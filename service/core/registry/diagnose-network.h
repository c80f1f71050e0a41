/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is to be known before the network is diagnosed. */
typedef struct {
  char *firewalls;  /* what bothy_network_examine() found, or NULL */
  char *unexamined; /* why that is not there, or NULL */
  char *silence;    /* what is wrong with NetworkManager, or NULL */
  char *bridge;     /* why the default bridge could not be brought up, or NULL */
} BothyNetworkFacts;

/* Free what FACTS points to. */
void bothy_network_facts_clear (BothyNetworkFacts *facts);

/* Look for what keeps packets of containers from where they should get, and add a line (check, verdict, what was found,
   what to do) for each check to REPORT, which builds an a(ssss). Reads files of /proc and /sys. */
void bothy_diagnose_network (const BothyNetworkFacts *facts, GVariantBuilder *report);

/* Add a line (check, "fixed" or "left", what was found, how long it holds or what to do) to REPORT for each firewall that
   bothy_network_examine() named BEFORE; AFTER: those that it names still. One line that all is well if there are none. */
void bothy_report_firewalls (const char *before, const char *after, GVariantBuilder *report);

G_END_DECLS
