// Counts what a text is made of. A small C guest linked with the preview 1 adapter, so that it imports WASI without
// needing any of it for its work.

#include "textstat.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// The end of the line that begins at `at`: its line feed, or the end of the text.
static size_t line_end(const textstat_string_t *text, size_t at) {
    const uint8_t *feed = memchr(text->ptr + at, '\n', text->len - at);
    return feed ? (size_t)(feed - text->ptr) : text->len;
}

static bool contains(const uint8_t *text, size_t len, const textstat_string_t *needle) {
    for (size_t at = 0; at + needle->len <= len; at++) {
        if (memcmp(text + at, needle->ptr, needle->len) == 0) {
            return true;
        }
    }
    return false;
}

static void count_line(const uint8_t *line, size_t len, textstat_stats_t *stats) {
    uint32_t characters = 0;
    uint8_t first = 0;
    bool in_word = false;
    for (size_t i = 0; i < len; i++) {
        bool space = is_space(line[i]);
        if (!space && !in_word) {
            stats->words++;
        }
        if (!space && first == 0) {
            first = line[i];
        }
        in_word = !space;
        // Every byte but a continuation byte begins a character.
        characters += (line[i] & 0xc0) != 0x80;
    }
    stats->lines++;
    stats->comment_lines += first == '#';
    stats->blank_lines += first == 0;
    if (characters > stats->longest) {
        stats->longest = characters;
    }
}

void exports_textstat_count(textstat_string_t *text, textstat_stats_t *stats) {
    memset(stats, 0, sizeof *stats);
    stats->bytes = text->len;
    for (size_t at = 0; at < text->len;) {
        size_t end = line_end(text, at);
        count_line(text->ptr + at, end - at, stats);
        at = end + 1;
    }
    textstat_string_free(text);
}

uint32_t exports_textstat_occurrences(textstat_string_t *text, textstat_string_t *needle) {
    uint32_t found = 0;
    for (size_t at = 0; needle->len > 0 && at + needle->len <= text->len;) {
        bool here = memcmp(text->ptr + at, needle->ptr, needle->len) == 0;
        found += here;
        at += here ? needle->len : 1;
    }
    textstat_string_free(text);
    textstat_string_free(needle);
    return found;
}

void exports_textstat_grep(textstat_string_t *text, textstat_string_t *needle, textstat_list_tuple2_u32_string_t *out) {
    size_t room = 0;
    out->ptr = NULL;
    out->len = 0;
    uint32_t number = 0;
    for (size_t at = 0; at < text->len;) {
        size_t end = line_end(text, at);
        number++;
        if (contains(text->ptr + at, end - at, needle)) {
            if (out->len == room) {
                room = room ? room * 2 : 16;
                out->ptr = realloc(out->ptr, room * sizeof *out->ptr);
                if (out->ptr == NULL) {
                    abort();
                }
            }
            textstat_tuple2_u32_string_t *hit = &out->ptr[out->len++];
            hit->f0 = number;
            textstat_string_dup_n(&hit->f1, (const char *)text->ptr + at, end - at);
        }
        at = end + 1;
    }
    textstat_string_free(text);
    textstat_string_free(needle);
}

int32_t exports_textstat_say(textstat_string_t *text) {
    size_t written = fwrite(text->ptr, 1, text->len, stdout);
    int failed = fflush(stdout);
    textstat_string_free(text);
    return failed ? -1 : (int32_t)written;
}
