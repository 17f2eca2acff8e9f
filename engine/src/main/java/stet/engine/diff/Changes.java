package stet.engine.diff;

import org.jspecify.annotations.Nullable;
import stet.engine.rules.Finding;

/** Takes what differs, as it is found. */
public interface Changes {
  /** How a file differs, with restic's letters. */
  enum Modifier {
    ADDED('+'),
    REMOVED('-'),
    /** Its content. */
    MODIFIED('M'),
    /** What is kept of it besides its content. */
    METADATA('U'),
    TYPE('T');

    private final char letter;

    Modifier(char letter) {
      this.letter = letter;
    }

    /** The letter. */
    public char letter() {
      return letter;
    }
  }

  /** A component that only one of the states has. */
  void component(String name, Modifier modifier);

  /**
   * An entry of a files component.
   *
   * @param path from the component's directory on, empty for that itself; a directory's ends with a
   *     slash
   */
  void file(String component, String path, Modifier modifier);

  /**
   * A table whose rows differ.
   *
   * @param before how many rows it had, or null if there was none
   * @param after how many it has, or null if there is none
   */
  void table(String component, String table, @Nullable Long before, @Nullable Long after);

  /**
   * Large objects that differ.
   *
   * @param before how many there were
   * @param after how many there are
   */
  void largeObjects(String component, long before, long after);

  /**
   * A definition, or other text, that differs.
   *
   * @param before its SQL without secrets, or null if there was none
   * @param after its SQL without secrets, or null if there is none
   */
  void definition(String component, String name, @Nullable String before, @Nullable String after);

  /**
   * A rule that finds something else.
   *
   * @param before null if it was not evaluated
   * @param after null if it was not evaluated
   */
  void rule(@Nullable Finding before, @Nullable Finding after);
}
