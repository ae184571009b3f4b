/* SPDX-License-Identifier: MIT */
/* list - an intrusive doubly-linked list: the links are in the elements, so nothing is allocated
 * and an element can leave in constant time. A zeroed link is in no list. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
        struct list *next;
        struct list *previous;
};

#define CONTAINER_OF(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head) {
        head->next = head->previous = head;
}

static inline bool list_is_empty(const struct list *head) {
        return !head->next || head->next == head;
}

static inline bool list_is_linked(const struct list *link) {
        return link->next != NULL;
}

static inline void list_append(struct list *head, struct list *link) {
        link->next = head;
        link->previous = head->previous;
        head->previous->next = link;
        head->previous = link;
}

static inline void list_remove(struct list *link) {
        if (!list_is_linked(link))
                return;
        link->previous->next = link->next;
        link->next->previous = link->previous;
        link->next = link->previous = NULL;
}

static inline struct list *list_first(const struct list *head) {
        return list_is_empty(head) ? NULL : head->next;
}

#define LIST_FOREACH(link, head)                                                                   \
        for (struct list *link = (head)->next; link && link != (head); link = link->next)

/* The current element may be removed on the way. */
#define LIST_FOREACH_SAFE(link, following, head)                                                   \
        for (struct list *link = (head)->next, *following = link ? link->next : NULL;              \
             link && link != (head); link = following, following = link->next)
