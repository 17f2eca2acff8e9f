package stet.engine.files;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import stet.engine.posix.PosixPath;

/**
 * A pattern for one name: {@code *} any characters, {@code ?} one character, {@code [a-z]} one of a
 * set, {@code [!a-z]} one not of it, {@code \} takes the next character as it is.
 *
 * <p>A character is one of UTF-8; a byte that belongs to none counts as a character of its own.
 */
final class Glob {
  /** Where bytes outside UTF-8 go, beyond all characters. */
  private static final int BYTE = 0x110000;

  private final List<Token> tokens;

  private Glob(List<Token> tokens) {
    this.tokens = tokens;
  }

  private sealed interface Token {
    record Literal(int value) implements Token {}

    record Any() implements Token {}

    record Star() implements Token {}

    /** Pairs of lowest and highest character. */
    record OneOf(List<int[]> ranges, boolean negated) implements Token {
      boolean contains(int c) {
        for (int[] range : ranges) {
          if (range[0] <= c && c <= range[1]) {
            return !negated;
          }
        }
        return negated;
      }
    }

    default boolean matches(int c) {
      return switch (this) {
        case Literal literal -> literal.value == c;
        case OneOf set -> set.contains(c);
        case Any any -> true;
        case Star star -> true;
      };
    }
  }

  /**
   * Parses a pattern.
   *
   * @throws IllegalArgumentException if a set or an escape does not end
   */
  static Glob parse(String pattern) {
    int[] p = pattern.codePoints().toArray();
    List<Token> tokens = new ArrayList<>();
    int i = 0;
    while (i < p.length) {
      switch (p[i]) {
        case '*' -> {
          if (tokens.isEmpty() || !(tokens.getLast() instanceof Token.Star)) {
            tokens.add(new Token.Star());
          }
          i++;
        }
        case '?' -> {
          tokens.add(new Token.Any());
          i++;
        }
        case '[' -> i = set(p, i, tokens);
        case '\\' -> {
          if (i + 1 == p.length) {
            throw new IllegalArgumentException("ends in a backslash");
          }
          tokens.add(new Token.Literal(p[i + 1]));
          i += 2;
        }
        default -> tokens.add(new Token.Literal(p[i++]));
      }
    }
    return new Glob(tokens);
  }

  private static int set(int[] p, int start, List<Token> tokens) {
    int i = start + 1;
    boolean negated = i < p.length && (p[i] == '!' || p[i] == '^');
    if (negated) {
      i++;
    }
    List<int[]> ranges = new ArrayList<>();
    // A bracket right at the beginning stands for itself, as in every shell.
    while (i < p.length && (p[i] != ']' || ranges.isEmpty())) {
      if (p[i] == '\\') {
        i++;
      }
      if (i == p.length) {
        break;
      }
      int low = p[i++];
      int high = low;
      if (i + 1 < p.length && p[i] == '-' && p[i + 1] != ']') {
        i += p[i + 1] == '\\' ? 2 : 1;
        if (i == p.length) {
          break;
        }
        high = p[i++];
      }
      if (high < low) {
        throw new IllegalArgumentException(
            "has a range that runs backwards: "
                + Character.toString(low)
                + "-"
                + Character.toString(high));
      }
      ranges.add(new int[] {low, high});
    }
    if (i >= p.length) {
      throw new IllegalArgumentException("has a [ without a ]");
    }
    tokens.add(new Token.OneOf(ranges, negated));
    return i + 1;
  }

  /** A name's characters, for {@link #matches}. */
  static int[] characters(byte[] name) {
    int[] characters = new int[name.length];
    int count = 0;
    int i = 0;
    while (i < name.length) {
      if (name[i] >= 0) {
        characters[count++] = name[i++];
        continue;
      }
      int length = PosixPath.utf8Length(name, i);
      characters[count++] =
          length == 0
              ? BYTE + (name[i] & 0xff)
              : new String(name, i, length, StandardCharsets.UTF_8).codePointAt(0);
      i += Math.max(length, 1);
    }
    return Arrays.copyOf(characters, count);
  }

  /** Whether the whole name matches. */
  boolean matches(int[] name) {
    int token = 0;
    int at = 0;
    int star = -1;
    int starAt = 0;
    while (at < name.length) {
      if (token < tokens.size() && tokens.get(token) instanceof Token.Star) {
        star = token++;
        starAt = at;
      } else if (token < tokens.size() && tokens.get(token).matches(name[at])) {
        token++;
        at++;
      } else if (star >= 0) {
        // Let the last star take one more character; earlier stars never need another try.
        token = star + 1;
        at = ++starAt;
      } else {
        return false;
      }
    }
    while (token < tokens.size() && tokens.get(token) instanceof Token.Star) {
      token++;
    }
    return token == tokens.size();
  }
}
