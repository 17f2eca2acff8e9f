package stet.engine.component;

/**
 * One setting of a component kind, from which parsing, validation and the reference are made.
 *
 * @param key the name in the configuration
 * @param type the shape of the value
 * @param required whether a component without it is an error
 * @param documentation one sentence for the reference
 */
public record Setting(String key, Type type, boolean required, String documentation) {
  /** The shape of a setting's value. */
  public enum Type {
    /** Text; the value is a {@link String}. */
    TEXT,
    /**
     * A secret, also as {@code <key>_file} and {@code <key>_command}; the value is a {@link
     * String}.
     */
    SECRET,
    /**
     * One of a fixed choice of words or other text checked by the kind; the value is a {@link
     * String}.
     */
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
    /** A list of text; the value is a {@code List<String>}. */
    TEXTS
  }
}
