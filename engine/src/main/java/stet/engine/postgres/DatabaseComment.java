package stet.engine.postgres;

import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The comment on a database beside the live one. It carries our note and, so that nothing is lost,
 * the comment that the database has of its own and gets back when it becomes live.
 *
 * @param note what {@link stet.engine.component.Target#note} stored, or null
 * @param own the database's own comment, or null
 */
record DatabaseComment(@Nullable String note, @Nullable String own) {
  private static final String MARK = "stet:";

  /** Reads a comment as the server has it. */
  static DatabaseComment read(@Nullable String comment) {
    if (comment != null && comment.startsWith(MARK)) {
      try {
        JsonObject json = JsonObject.parse(comment.substring(MARK.length()));
        return new DatabaseComment(json.optionalString("note"), json.optionalString("comment"));
      } catch (JsonException e) {
        // Somebody else's text that begins like ours.
        return new DatabaseComment(null, comment);
      }
    }
    return new DatabaseComment(null, comment);
  }

  /** The same comment of its own under another note. */
  DatabaseComment withNote(String other) {
    return new DatabaseComment(other, own);
  }

  /** What to store while the database lies beside the live one, or null for no comment. */
  @Nullable String text() {
    if (note == null) {
      return own;
    }
    return MARK + new JsonObject().put("note", note).putIfPresent("comment", own);
  }

  /** The statement that stores a comment; a null one removes it. */
  static String statement(String database, @Nullable String comment) {
    return "COMMENT ON DATABASE "
        + SqlText.name(database)
        + " IS "
        + (comment == null ? "NULL" : SqlText.literal(comment));
  }
}
