package stet.engine.files;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Target;
import stet.engine.posix.PosixPath;
import stet.repository.Id;

/**
 * The names of what lies beside a live directory: {@code media.staging-1a2b3c4d}, {@code
 * media.previous-1a2b3c4d}, {@code media.dropped-1a2b3c4d} and their journals.
 *
 * <p>A directory's name that leaves no room for the longest of them is cut; a part of its hash then
 * keeps it apart from others that are cut to the same.
 */
final class SiblingNames {
  /** What a file system of Linux allows. */
  private static final int NAME_MAX = 255;

  private static final String JOURNAL = ".journal";

  /** A journal under this name has not been written to its end. */
  private static final String UNFINISHED = ".new";

  private static final String DROPPED = ".dropped-";
  private static final int LONGEST_TAIL =
      ".previous-".length() + 8 + JOURNAL.length() + UNFINISHED.length();

  /** Bytes as characters of the same number, so that any name can be matched. */
  private static final Pattern OWN =
      Pattern.compile(
          ".+\\.(staging|previous|dropped)-([0-9a-f]{8})(\\.journal(?:\\.new)?)?", Pattern.DOTALL);

  private static final Pattern OPERATION = Pattern.compile("[0-9a-f]{8}");

  private final String base;

  SiblingNames(byte[] liveName) {
    this.base = text(cut(liveName));
  }

  private static byte[] cut(byte[] name) {
    int room = NAME_MAX - LONGEST_TAIL;
    if (name.length <= room) {
      return name;
    }
    byte[] mark = ("~" + Id.of(name).shortText()).getBytes(StandardCharsets.US_ASCII);
    int length = 0;
    while (length < name.length) {
      int next = length + Math.max(1, PosixPath.utf8Length(name, length));
      if (next > room - mark.length) {
        break;
      }
      length = next;
    }
    byte[] cut = Arrays.copyOf(name, length + mark.length);
    System.arraycopy(mark, 0, cut, length, mark.length);
    return cut;
  }

  /** The name of a state of an operation. */
  byte[] of(Target.Role role, String operation) {
    return bytes(base + "." + word(role) + "-" + checked(operation));
  }

  /** The name under which a state is while it is removed. */
  byte[] dropped(String operation) {
    return bytes(base + DROPPED + checked(operation));
  }

  /** The name of the journal of a state. */
  static byte[] journal(byte[] name) {
    return bytes(text(name) + JOURNAL);
  }

  /** The name of a journal that is being written. */
  static byte[] unfinished(byte[] journal) {
    return bytes(text(journal) + UNFINISHED);
  }

  private static String checked(String operation) {
    if (!OPERATION.matcher(operation).matches()) {
      throw new IllegalArgumentException(
          "an operation's id is 8 lower-case hexadecimal digits, not \"" + operation + "\"");
    }
    return operation;
  }

  private static String word(Target.Role role) {
    return switch (role) {
      case STAGING -> "staging";
      case PREVIOUS -> "previous";
    };
  }

  /** A state's name, taken apart. */
  record State(Target.Role role, String operation) {}

  /**
   * What state of this directory a name stands for, or null if it is none's. Only a journal proves
   * that Stet gave the name.
   */
  @Nullable State state(byte[] name) {
    Matcher matcher = match(name);
    if (matcher == null || matcher.group(3) != null || matcher.group(1).equals("dropped")) {
      return null;
    }
    Target.Role role =
        matcher.group(1).equals("staging") ? Target.Role.STAGING : Target.Role.PREVIOUS;
    return new State(role, matcher.group(2));
  }

  /** The operation that has begun to remove the state of this name, or null if it is none's. */
  @Nullable String droppedBy(byte[] name) {
    Matcher matcher = match(name);
    return matcher != null && matcher.group(3) == null && matcher.group(1).equals("dropped")
        ? matcher.group(2)
        : null;
  }

  /** Whether a name is that of a journal of this directory that was not written to its end. */
  boolean isUnfinishedJournal(byte[] name) {
    Matcher matcher = match(name);
    return matcher != null && (JOURNAL + UNFINISHED).equals(matcher.group(3));
  }

  /** If a name is that of a journal of this directory, the name of the state it is about. */
  byte @Nullable [] journalOf(byte[] name) {
    Matcher matcher = match(name);
    return matcher != null && JOURNAL.equals(matcher.group(3))
        ? Arrays.copyOf(name, name.length - JOURNAL.length())
        : null;
  }

  private @Nullable Matcher match(byte[] name) {
    String text = text(name);
    Matcher matcher = OWN.matcher(text);
    // The whole base, and nothing between it and the tail: media is not media2, nor media.old.
    boolean ofThis =
        text.startsWith(base) && matcher.matches() && matcher.start(1) - 1 == base.length();
    return ofThis ? matcher : null;
  }

  /** Whether a name is that of a state, beside whatever directory; its mark must be looked at. */
  static boolean isOwnDirectory(byte[] name) {
    int dash = name.length - 9;
    if (dash < 0 || name[dash] != '-') {
      return false;
    }
    Matcher matcher = OWN.matcher(text(name));
    return matcher.matches() && matcher.group(3) == null;
  }

  /** Whether a name is that of a journal, beside whatever directory; it must be looked into. */
  static boolean isOwnFile(byte[] name) {
    String text = text(name);
    if (!text.endsWith(JOURNAL) && !text.endsWith(JOURNAL + UNFINISHED)) {
      return false;
    }
    Matcher matcher = OWN.matcher(text);
    return matcher.matches() && matcher.group(3) != null;
  }

  private static String text(byte[] name) {
    return new String(name, StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
