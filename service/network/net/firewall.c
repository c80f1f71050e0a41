/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "firewall.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BRIDGE   "\"bothy0\""
#define MAX_TEXT 4096

/* What is known of the table that is being read. */
struct table {
  char name[32];
  bool ours;         /* or NetworkManager's */
  bool names_bridge; /* somebody has thought of it */
  bool in_strict_zone;
  bool drops_input;
  bool drops_forward;
  bool is_docker;
  bool is_ufw;
};

static void
begin (struct table *table, const char *line)
{
  *table = (struct table){ 0 };
  (void)sscanf (line, "table %*s %31s", table->name);
  table->ours = strcmp (table->name, "bothy") == 0 || strncmp (table->name, "nm-shared-", 10) == 0;
}

/* Of the zones that firewalld has, NetworkManager's own for shared bridges and one more let in what we need. Chains of
   its policies, which are for all zones, have such names, too; they take nothing away. */
static bool
is_strict_zone (const char *line)
{
  return strstr (line, "iifname " BRIDGE) != NULL && strstr (line, " filter_IN_") != NULL &&
         strstr (line, " filter_IN_policy_") == NULL && strstr (line, " filter_IN_nm-shared") == NULL &&
         strstr (line, " filter_IN_trusted") == NULL;
}

static void
read_line (struct table *table, const char *line)
{
  bool drops = strstr (line, "policy drop") != NULL;

  table->in_strict_zone |= is_strict_zone (line);
  table->names_bridge |= strstr (line, BRIDGE) != NULL;
  table->is_docker |= strstr (line, "chain DOCKER-USER ") != NULL;
  table->is_ufw |= strstr (line, "chain ufw-") != NULL;
  table->drops_input |= drops && strstr (line, "type filter hook input") != NULL;
  table->drops_forward |= drops && strstr (line, "type filter hook forward") != NULL;
}

static void
tell (struct outcome *ret, const char *who, const char *what)
{
  int room = MAX_TEXT - (int)ret->text_size;
  int length = snprintf (ret->text + ret->text_size, (size_t)room, "%s %s\n", who, what);

  if (length < room)
    ret->text_size += (size_t)length;
}

/* firewalld has no such policy; its last rule rejects what no zone took. */
static void
end (const struct table *table, struct outcome *ret)
{
  if (table->in_strict_zone)
    tell (ret, "firewalld", "zone");
  if (table->ours || table->names_bridge)
    return;
  if (strcmp (table->name, "firewalld") == 0)
    tell (ret, "firewalld", "forward");
  if (table->drops_forward)
    tell (ret, table->is_docker ? "docker" : table->is_ufw ? "ufw" : table->name, "forward");
  if (table->drops_input)
    tell (ret, table->is_ufw ? "ufw" : table->name, "input");
}

int
firewall_examine (struct net *net, struct outcome *ret)
{
  struct table table = { 0 };
  const char *output;
  int error = nft_ask (&net->nft, "list ruleset\n", &output);

  ret->text = error == 0 ? malloc (MAX_TEXT) : NULL;
  if (ret->text == NULL)
    return fail (ret, NET_STEP_FILTER, error != 0 ? error : ENOMEM);
  while (*output != '\0') {
    size_t length = strcspn (output, "\n");
    char *line = strndup (output, length);

    if (line != NULL && strncmp (line, "table ", 6) == 0)
      begin (&table, line);
    else if (line != NULL && line[0] == '}')
      end (&table, ret);
    else if (line != NULL)
      read_line (&table, line);
    free (line);
    output += length + (output[length] == '\n');
  }
  return 0;
}
