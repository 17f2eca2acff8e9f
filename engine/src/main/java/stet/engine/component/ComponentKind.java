package stet.engine.component;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import stet.engine.ErrorCode;
import stet.engine.StetException;

/**
 * A kind of state that Stet can keep, such as a PostgreSQL database or a directory tree.
 *
 * <p>This is the extension point: a kind is found by {@link java.util.ServiceLoader}, so a jar on
 * the class path adds one. Its {@link #key()} is the word that declares such a component in the
 * configuration ({@code - postgres: default}).
 */
public interface ComponentKind {
  /** The word for this kind in the configuration, unique among kinds. */
  String key();

  /**
   * The settings a component of this kind takes, next to its name, the main one first: without a
   * configuration file, the environment variable {@code STET_<KEY>_<NAME>} declares a component and
   * gives this one.
   */
  List<Setting> settings();

  /** Whether rules can speak of tables of such a component. */
  default boolean hasTables() {
    return false;
  }

  /** Whether rules can speak of files of such a component. */
  default boolean hasFiles() {
    return false;
  }

  /**
   * The definitions of a captured component, and what else is text about it, to be compared with
   * those of another state and shown.
   *
   * @return SQL or other text by what it defines, without secrets; empty where there is none
   */
  default Map<String, String> definitions(RestoreContext context) {
    return Map.of();
  }

  /**
   * Makes a component from its definition, without touching what it stands for.
   *
   * @throws stet.engine.StetException with {@code CONFIGURATION} if a value is unusable
   */
  Component create(ComponentDefinition definition);

  /**
   * Writes a captured component of this kind in a form that other programs read. No component is
   * needed for that, only the snapshot.
   *
   * @throws StetException with {@code USAGE} if there is no such form of this kind, with {@code
   *     NOT_FOUND} if there is no such table
   * @throws IOException if the destination cannot be written
   */
  default void export(ExportContext context) throws IOException {
    throw new StetException(
        ErrorCode.USAGE,
        "component "
            + context.node().name()
            + " is of kind "
            + key()
            + ", which has no form for export",
        "Use `stet restore --to-dir DIR --only " + context.node().name() + "`.");
  }
}
