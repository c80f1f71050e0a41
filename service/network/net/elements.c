/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elements.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NAME          "bothy"
#define COMMENT       0 /* the type that libnftables gives to comments */
#define REGISTER_SIZE 4 /* each part of a key begins at a register */

struct reading {
  struct element element;
  int (*reader) (const struct element *element, void *data);
  void *data;
};

static void
append (uint8_t *to, size_t capacity, size_t *size, const void *bytes, size_t n)
{
  size_t padded = (n + REGISTER_SIZE - 1) / REGISTER_SIZE * REGISTER_SIZE;

  if (*size + padded > capacity)
    abort (); /* no key of ours is so long */
  memset (to + *size, 0, padded);
  memcpy (to + *size, bytes, n);
  *size += padded;
}

void
element_add_key (struct element *element, const void *bytes, size_t size)
{
  append (element->key, sizeof element->key, &element->key_size, bytes, size);
}

void
element_add_range (struct element *element, const void *first, const void *last, size_t size)
{
  size_t end_size = element->key_size;

  if (!element->is_range)
    memcpy (element->key_end, element->key, end_size);
  element->is_range = true;
  append (element->key_end, sizeof element->key_end, &end_size, last, size);
  element_add_key (element, first, size);
}

void
element_add_value (struct element *element, const void *bytes, size_t size)
{
  append (element->value, sizeof element->value, &element->value_size, bytes, size);
}

void
element_add_name (struct element *element, const char *name)
{
  char padded[IFNAMSIZ] = { 0 };

  strncpy (padded, name, sizeof padded - 1);
  element_add_key (element, padded, sizeof padded);
}

static struct nl_msg *
new_message (int type, int flags, enum table table, const char *set)
{
  struct nfgenmsg header = { .nfgen_family = (uint8_t)table, .version = NFNETLINK_V0 };
  struct nl_msg *message = nlmsg_alloc_simple (NFNL_SUBSYS_NFTABLES << 8 | type, flags);

  if (message != NULL && nlmsg_append (message, &header, sizeof header, NLMSG_ALIGNTO) == 0 &&
      nla_put_string (message, NFTA_SET_ELEM_LIST_TABLE, NAME) == 0 &&
      nla_put_string (message, NFTA_SET_ELEM_LIST_SET, set) == 0)
    return message;
  netlink_free_message (&message);
  return NULL;
}

static int
put_data (struct nl_msg *message, int type, const uint8_t *bytes, size_t size)
{
  struct nlattr *nest = nla_nest_start (message, type);

  if (nest == NULL || nla_put (message, NFTA_DATA_VALUE, (int)size, bytes) < 0)
    return ENOMEM;
  nla_nest_end (message, nest);
  return 0;
}

static int
put_comment (struct nl_msg *message, const char *comment)
{
  uint8_t data[2 + ELEMENT_COMMENT_SIZE];
  size_t size = strlen (comment) + 1;

  data[0] = COMMENT;
  data[1] = (uint8_t)size;
  memcpy (data + 2, comment, size);
  return nla_put (message, NFTA_SET_ELEM_USERDATA, (int)(2 + size), data);
}

/* CHANGE_DELETE and questions know an element by its key alone. */
static int
put_element (struct nl_msg *message, const struct element *element, bool key_only)
{
  struct nlattr *list = nla_nest_start (message, NFTA_SET_ELEM_LIST_ELEMENTS);
  struct nlattr *item = list == NULL ? NULL : nla_nest_start (message, NFTA_LIST_ELEM);

  if (item == NULL || put_data (message, NFTA_SET_ELEM_KEY, element->key, element->key_size) != 0)
    return ENOMEM;
  if (element->is_range &&
      put_data (message, NFTA_SET_ELEM_KEY_END, element->key_end, element->key_size) != 0)
    return ENOMEM;
  if (!key_only && element->value_size > 0 &&
      put_data (message, NFTA_SET_ELEM_DATA, element->value, element->value_size) != 0)
    return ENOMEM;
  if (!key_only && element->comment[0] != '\0' && put_comment (message, element->comment) < 0)
    return ENOMEM;
  nla_nest_end (message, item);
  nla_nest_end (message, list);
  return 0;
}

static void
read_data (struct nlattr *attribute, uint8_t *ret, size_t capacity, size_t *ret_size)
{
  struct nlattr *data[NFTA_DATA_MAX + 1];

  *ret_size = 0;
  if (attribute == NULL || nla_parse_nested (data, NFTA_DATA_MAX, attribute, NULL) < 0 ||
      data[NFTA_DATA_VALUE] == NULL || (size_t)nla_len (data[NFTA_DATA_VALUE]) > capacity)
    return;
  *ret_size = (size_t)nla_len (data[NFTA_DATA_VALUE]);
  memcpy (ret, nla_data (data[NFTA_DATA_VALUE]), *ret_size);
}

static void
read_comment (struct nlattr *attribute, char ret[ELEMENT_COMMENT_SIZE])
{
  const uint8_t *data = attribute == NULL ? NULL : nla_data (attribute);
  size_t size = attribute == NULL ? 0 : (size_t)nla_len (attribute);

  ret[0] = '\0';
  if (size < 3 || data[0] != COMMENT || data[1] < 1 || data[1] > size - 2 || data[1] > ELEMENT_COMMENT_SIZE)
    return;
  memcpy (ret, data + 2, data[1]);
  ret[data[1] - 1] = '\0';
}

static int
read_elements (const struct nlmsghdr *header, void *user_data)
{
  struct reading *reading = user_data;
  struct nlattr *attributes[NFTA_SET_ELEM_LIST_MAX + 1];
  struct nlattr *item;
  int left;

  if (nlmsg_parse ((struct nlmsghdr *)(uintptr_t)header, sizeof (struct nfgenmsg), attributes,
                   NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
    return EBADMSG;
  if (attributes[NFTA_SET_ELEM_LIST_ELEMENTS] == NULL)
    return 0;
  nla_for_each_nested (item, attributes[NFTA_SET_ELEM_LIST_ELEMENTS], left)
  {
    struct element *element = &reading->element;
    struct nlattr *parts[NFTA_SET_ELEM_MAX + 1];
    size_t end_size;
    int error;

    if (nla_parse_nested (parts, NFTA_SET_ELEM_MAX, item, NULL) < 0)
      return EBADMSG;
    read_data (parts[NFTA_SET_ELEM_KEY], element->key, sizeof element->key, &element->key_size);
    read_data (parts[NFTA_SET_ELEM_KEY_END], element->key_end, sizeof element->key_end, &end_size);
    element->is_range = end_size > 0 && end_size == element->key_size;
    read_data (parts[NFTA_SET_ELEM_DATA], element->value, sizeof element->value, &element->value_size);
    read_comment (parts[NFTA_SET_ELEM_USERDATA], element->comment);
    error = reading->reader (element, reading->data);
    if (error != 0)
      return error;
  }
  return 0;
}

static int
take (const struct element *element, void *data)
{
  struct element *ret = data;

  *ret = *element;
  return 0;
}

int
element_get (struct nft *nft, struct element *element)
{
  AUTO_MESSAGE message = new_message (NFT_MSG_GETSETELEM, 0, element->table, element->set);
  struct reading reading = { .element = *element, .reader = take, .data = element };

  if (message == NULL || put_element (message, element, true) != 0)
    return ENOMEM;
  return netlink_ask (nft->socket, message, read_elements, &reading);
}

int
element_each (struct nft *nft,
              enum table table,
              const char *set,
              int (*reader) (const struct element *element, void *data),
              void *data)
{
  AUTO_MESSAGE message = new_message (NFT_MSG_GETSETELEM, NLM_F_DUMP, table, set);
  struct reading reading = { .element = { .table = table, .set = set }, .reader = reader, .data = data };
  int error;

  if (message == NULL)
    return ENOMEM;
  error = netlink_ask (nft->socket, message, read_elements, &reading);
  return error == ENOENT ? 0 : error;
}

void
batch_free (struct batch *batch)
{
  free (batch->data);
}

/* Numbers HEADER's message and appends it. */
static void
add_message (struct batch *batch, struct nlmsghdr *header)
{
  size_t size = NLMSG_ALIGN (header->nlmsg_len);

  if (batch->size + size > batch->capacity) {
    size_t capacity = (batch->size + size) * 2 + 4096;
    char *larger = realloc (batch->data, capacity);

    if (larger == NULL) {
      batch->error = ENOMEM;
      return;
    }
    batch->data = larger;
    batch->capacity = capacity;
  }
  header->nlmsg_flags |= NLM_F_REQUEST;
  header->nlmsg_seq = ++batch->nft->sequence;
  memset (batch->data + batch->size, 0, size);
  memcpy (batch->data + batch->size, header, header->nlmsg_len);
  batch->last = batch->size;
  batch->size += size;
}

static void
add_bracket (struct batch *batch, int type)
{
  struct {
    struct nlmsghdr header;
    struct nfgenmsg family;
  } message = {
    .header = { .nlmsg_len = sizeof message, .nlmsg_type = (uint16_t)type },
    .family = { .version = NFNETLINK_V0, .res_id = htons (NFNL_SUBSYS_NFTABLES) },
  };

  add_message (batch, &message.header);
}

void
batch_begin (struct batch *batch, struct nft *nft)
{
  *batch = (struct batch){ .nft = nft };
  add_bracket (batch, NFNL_MSG_BATCH_BEGIN);
}

void
batch_change (struct batch *batch, enum change change, const struct element *element)
{
  int type = change == CHANGE_DELETE ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM;
  int flags = change == CHANGE_DELETE ? 0 : NLM_F_CREATE | (change == CHANGE_CREATE ? NLM_F_EXCL : 0);
  AUTO_MESSAGE message = new_message (type, flags, element->table, element->set);

  if (message == NULL || put_element (message, element, change == CHANGE_DELETE) != 0) {
    batch->error = ENOMEM;
    return;
  }
  add_message (batch, nlmsg_hdr (message));
  batch->n_changes++;
}

void
batch_flush (struct batch *batch, enum table table, const char *set)
{
  AUTO_MESSAGE message = new_message (NFT_MSG_DELSETELEM, 0, table, set);

  if (message == NULL) {
    batch->error = ENOMEM;
    return;
  }
  add_message (batch, nlmsg_hdr (message));
  batch->n_changes++;
}

/*
 * The kernel answers each message that it can't do, and the last before the end, which asks for
 * it; when it refuses the whole, it answers the first only.
 */
static int
read_answers (struct batch *batch, uint32_t first, uint32_t last)
{
  alignas (struct nlmsghdr) char buffer[16384];
  int result = 0;

  for (;;) {
    ssize_t size = recv (batch->nft->batch_fd, buffer, sizeof buffer, 0);
    size_t left = (size_t)size;

    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return size < 0 ? errno : EIO;
    for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK (header, left);
         header = NLMSG_NEXT (header, left)) {
      const struct nlmsgerr *answer = NLMSG_DATA (header);

      /* An answer to an earlier batch that was given up on is not for us. */
      if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq - first > last - first)
        continue;
      if (result == 0)
        result = -answer->error;
      if (header->nlmsg_seq == last || header->nlmsg_seq == first)
        return result;
    }
  }
}

int
batch_commit (struct batch *batch)
{
  struct nlmsghdr *header;
  uint32_t before;
  uint32_t first;
  uint32_t last;
  int error;

  if (batch->error != 0 || batch->n_changes == 0)
    return batch->error;
  header = (struct nlmsghdr *)(batch->data + batch->last);
  header->nlmsg_flags |= NLM_F_ACK;
  last = header->nlmsg_seq;
  first = ((struct nlmsghdr *)batch->data)->nlmsg_seq;
  add_bracket (batch, NFNL_MSG_BATCH_END);
  if (batch->error != 0)
    return batch->error;
  before = nft_before_change (batch->nft);
  if (send (batch->nft->batch_fd, batch->data, batch->size, 0) < 0)
    error = errno;
  else
    error = read_answers (batch, first, last);
  nft_after_change (batch->nft, before, error == 0);
  return error;
}
