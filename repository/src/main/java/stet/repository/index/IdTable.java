package stet.repository.index;

import java.util.ArrayList;
import java.util.List;
import stet.repository.Id;

/**
 * Numbers distinct ids from 0 on. Ids lie in pages of longs, found by open addressing, so that an
 * id costs 32 bytes and its slot 6 to 11 bytes; growing never copies the ids. Not safe for use by
 * several threads.
 */
final class IdTable {
  private static final int PAGE_BITS = 12;
  private static final int PAGE_SIZE = 1 << PAGE_BITS;

  private final List<long[]> pages = new ArrayList<>();

  /** Number of an id plus one; 0 is a free slot. The length is a power of two. */
  private int[] slots = new int[256];

  private int size;

  int size() {
    return size;
  }

  /** The number of {@code id}, or -1. */
  int find(Id id) {
    int slot = (int) id.b() & (slots.length - 1);
    while (slots[slot] != 0) {
      int number = slots[slot] - 1;
      if (is(number, id)) {
        return number;
      }
      slot = (slot + 1) & (slots.length - 1);
    }
    return -1;
  }

  /** The number of {@code id}, which is {@link #size()} before the call if it was not there. */
  int add(Id id) {
    int found = find(id);
    if (found >= 0) {
      return found;
    }
    if (size >= slots.length / 4 * 3) {
      grow();
    }
    int number = size++;
    if ((number & (PAGE_SIZE - 1)) == 0) {
      pages.add(new long[PAGE_SIZE * 4]);
    }
    long[] page = pages.get(number >> PAGE_BITS);
    int at = (number & (PAGE_SIZE - 1)) * 4;
    page[at] = id.a();
    page[at + 1] = id.b();
    page[at + 2] = id.c();
    page[at + 3] = id.d();
    put(slots, number, id.b());
    return number;
  }

  Id get(int number) {
    long[] page = pages.get(number >> PAGE_BITS);
    int at = (number & (PAGE_SIZE - 1)) * 4;
    return new Id(page[at], page[at + 1], page[at + 2], page[at + 3]);
  }

  private boolean is(int number, Id id) {
    long[] page = pages.get(number >> PAGE_BITS);
    int at = (number & (PAGE_SIZE - 1)) * 4;
    return page[at] == id.a()
        && page[at + 1] == id.b()
        && page[at + 2] == id.c()
        && page[at + 3] == id.d();
  }

  private void grow() {
    int[] larger = new int[slots.length * 2];
    for (int number = 0; number < size; number++) {
      put(larger, number, pages.get(number >> PAGE_BITS)[(number & (PAGE_SIZE - 1)) * 4 + 1]);
    }
    slots = larger;
  }

  private static void put(int[] slots, int number, long hash) {
    int slot = (int) hash & (slots.length - 1);
    while (slots[slot] != 0) {
      slot = (slot + 1) & (slots.length - 1);
    }
    slots[slot] = number + 1;
  }
}
