package stet.repository.tree;

/** UTF-8 as Go reads it: a byte that does not start a whole, shortest, valid form stands alone. */
final class Utf8 {
  private Utf8() {}

  /** The length of the code point at {@code at} in bytes, or 0 if the byte there is invalid. */
  static int length(byte[] bytes, int at, int end) {
    int first = bytes[at] & 0xff;
    if (first < 0x80) {
      return 1;
    }
    int length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || end - at < length) {
      return 0;
    }
    int second = bytes[at + 1] & 0xff;
    int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) {
      return 0;
    }
    for (int i = 2; i < length; i++) {
      if ((bytes[at + i] & 0xc0) != 0x80) {
        return 0;
      }
    }
    return length;
  }

  /** The code point of a valid form. */
  static int decode(byte[] bytes, int at, int length) {
    return switch (length) {
      case 1 -> bytes[at];
      case 2 -> ((bytes[at] & 0x1f) << 6) | (bytes[at + 1] & 0x3f);
      case 3 -> ((bytes[at] & 0x0f) << 12) | ((bytes[at + 1] & 0x3f) << 6) | (bytes[at + 2] & 0x3f);
      default ->
          ((bytes[at] & 0x07) << 18)
              | ((bytes[at + 1] & 0x3f) << 12)
              | ((bytes[at + 2] & 0x3f) << 6)
              | (bytes[at + 3] & 0x3f);
    };
  }

  static boolean isValid(byte[] bytes) {
    for (int at = 0; at < bytes.length; ) {
      int length = length(bytes, at, bytes.length);
      if (length == 0) {
        return false;
      }
      at += length;
    }
    return true;
  }
}
