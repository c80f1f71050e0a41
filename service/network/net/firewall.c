/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "firewall.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BRIDGE   "\"bothy0\""
#define MAX_TEXT 4096

/* What is known of the table that is being read. */
struct table {
  char family[8];
  char name[32];
  char user_forward[32]; /* ufw's chains for the rules of people; "": it has none */
  char user_input[32];
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
  (void)sscanf (line, "table %7s %31s", table->family, table->name);
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

/* ufw puts a 6 into the names of those for IPv6. */
static void
read_chain (struct table *table, const char *line)
{
  char name[32];

  if (sscanf (line, " chain %31s", name) != 1)
    return;
  if (strcmp (name, "ufw-user-forward") == 0 || strcmp (name, "ufw6-user-forward") == 0)
    memcpy (table->user_forward, name, sizeof name);
  if (strcmp (name, "ufw-user-input") == 0 || strcmp (name, "ufw6-user-input") == 0)
    memcpy (table->user_input, name, sizeof name);
}

static void
read_line (struct table *table, const char *line)
{
  bool drops = strstr (line, "policy drop") != NULL;

  table->in_strict_zone |= is_strict_zone (line);
  table->names_bridge |= strstr (line, BRIDGE) != NULL;
  table->is_docker |= strstr (line, "chain DOCKER-USER ") != NULL;
  table->is_ufw |= strstr (line, "chain ufw-") != NULL || strstr (line, "chain ufw6-") != NULL;
  read_chain (table, line);
  table->drops_input |= drops && strstr (line, "type filter hook input") != NULL;
  table->drops_forward |= drops && strstr (line, "type filter hook forward") != NULL;
}

__attribute__ ((format (printf, 2, 3))) static void
tell (struct outcome *ret, const char *format, ...)
{
  int room = MAX_TEXT - (int)ret->text_size;
  va_list arguments;
  int length;

  va_start (arguments, format);
  length = vsnprintf (ret->text + ret->text_size, (size_t)room, format, arguments);
  va_end (arguments);
  if (length < room)
    ret->text_size += (size_t)length;
}

/* firewalld has no such policy; its last rule rejects what no zone took. */
static void
name_what_drops (const struct table *table, struct outcome *ret)
{
  if (table->in_strict_zone)
    tell (ret, "%s %s\n", "firewalld", "zone");
  if (table->ours || table->names_bridge)
    return;
  if (strcmp (table->name, "firewalld") == 0)
    tell (ret, "%s %s\n", "firewalld", "forward");
  if (table->drops_forward)
    tell (ret, "%s %s\n", table->is_docker ? "docker" : table->is_ufw ? "ufw" : table->name, "forward");
  if (table->drops_input)
    tell (ret, "%s %s\n", table->is_ufw ? "ufw" : table->name, "input");
}

/*
 * Rules as iptables writes them, so that it lists them and does not take the table for another program's. Docker's chain ends
 * with a return, so ours come first; in ufw's, what the administrator refuses stays in front.
 */
#define RULE " counter accept comment \"bothy\"\n"

static void
write_rules (const struct table *table, struct outcome *ret)
{
  bool is_iptables = strcmp (table->name, "filter") == 0 &&
                     (strcmp (table->family, "ip") == 0 || strcmp (table->family, "ip6") == 0);
  const char *family = table->family;

  if (!is_iptables || table->ours || table->names_bridge)
    return;
  if (table->drops_forward && table->is_docker)
    tell (ret,
          "insert rule %s filter DOCKER-USER iifname " BRIDGE RULE
          "insert rule %s filter DOCKER-USER oifname " BRIDGE RULE,
          family, family);
  else if (table->drops_forward && table->user_forward[0] != '\0')
    tell (ret, "add rule %s filter %s iifname " BRIDGE RULE "add rule %s filter %s oifname " BRIDGE RULE,
          family, table->user_forward, family, table->user_forward);
  if (table->drops_input && table->user_input[0] != '\0')
    tell (ret, "add rule %s filter %s iifname " BRIDGE RULE, family, table->user_input);
}

/* READER with each table that there is; what it tells is RET's text. */
static int
read_tables (struct net *net,
             void (*reader) (const struct table *table, struct outcome *ret),
             struct outcome *ret)
{
  struct table table = { 0 };
  const char *output;
  int error = nft_ask (&net->nft, "list ruleset\n", &output);

  ret->text = error == 0 ? calloc (1, MAX_TEXT) : NULL;
  if (ret->text == NULL)
    return fail (ret, NET_STEP_FILTER, error != 0 ? error : ENOMEM);
  while (*output != '\0') {
    size_t length = strcspn (output, "\n");
    char *line = strndup (output, length);

    if (line != NULL && strncmp (line, "table ", 6) == 0)
      begin (&table, line);
    else if (line != NULL && line[0] == '}')
      reader (&table, ret);
    else if (line != NULL)
      read_line (&table, line);
    free (line);
    output += length + (output[length] == '\n');
  }
  return 0;
}

int
firewall_examine (struct net *net, struct outcome *ret)
{
  return read_tables (net, name_what_drops, ret);
}

int
firewall_open (struct net *net, struct outcome *ret)
{
  int error = read_tables (net, write_rules, ret);

  if (error == 0 && ret->text_size > 0)
    error = nft_run (&net->nft, ret->text);
  free (ret->text);
  ret->text = NULL;
  ret->text_size = 0;
  return error != 0 ? fail (ret, NET_STEP_FILTER, error) : firewall_examine (net, ret);
}
