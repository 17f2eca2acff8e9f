package stet.engine.component;

import java.util.List;

/**
 * One setting of a component kind, from which parsing, validation and the reference are made.
 *
 * @param key the name in the configuration
 * @param type the shape of the value
 * @param required whether a component without it is an error
 * @param documentation one sentence for the reference
 * @param words what a {@link Type#WORD} may be; none for other types
 */
public record Setting(
    String key, Type type, boolean required, String documentation, List<String> words) {
  /**
   * Checks and copies.
   *
   * @throws IllegalArgumentException if a word has no choice, or anything else has one
   */
  public Setting {
    words = List.copyOf(words);
    if ((type == Type.WORD) == words.isEmpty()) {
      throw new IllegalArgumentException("setting " + key + " of type " + type + ": " + words);
    }
  }

  /** A setting that is no word. */
  public Setting(String key, Type type, boolean required, String documentation) {
    this(key, type, required, documentation, List.of());
  }

  /** The shape of a setting's value. */
  public enum Type {
    /** Text; the value is a {@link String}. */
    TEXT,
    /**
     * A secret, also as {@code <key>_file} and {@code <key>_command}; the value is a {@link
     * String}.
     */
    SECRET,
    /** One of the setting's words; the value is a {@link String}. */
    WORD,
    /**
     * The path of a file or directory that the component owns on the machine Stet runs on; the
     * value is an absolute path as a {@link String}. It must not be a symbolic link, and no two of
     * an environment may overlap.
     */
    PATH,
    /** The value is a {@link Boolean}. */
    BOOLEAN,
    /** The value is a {@link Long}. */
    INTEGER,
    /** A time such as {@code 30d}; the value is a {@link java.time.Duration}. */
    DURATION,
    /** A list of text; the value is a {@code List<String>}. */
    TEXTS,
    /** Text by text, such as other names by names; the value is a {@code Map<String, String>}. */
    MAPPING
  }
}
