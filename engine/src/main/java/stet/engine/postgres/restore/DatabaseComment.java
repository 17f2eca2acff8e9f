package stet.engine.postgres.restore;

import org.jspecify.annotations.Nullable;
import stet.engine.postgres.connection.SqlText;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * The comment on a database. On one beside the live one it is the mark that Stet put it there,
 * which a name alone never proves. It carries our note, too, and, so that nothing is lost, the
 * comment that the database has of its own and gets back when it becomes live.
 *
 * @param mark the OID of the database that was marked, since comments can be copied; null if none
 *     was
 * @param note what {@link stet.engine.component.Target#note} stored, or null
 * @param own the database's own comment, or null
 */
public record DatabaseComment(@Nullable String mark, @Nullable String note, @Nullable String own) {
  private static final String PREFIX = "stet:";

  /** Reads a comment as the server has it. */
  public static DatabaseComment read(@Nullable String comment) {
    if (comment != null && comment.startsWith(PREFIX)) {
      try {
        JsonObject json = JsonObject.parse(comment.substring(PREFIX.length()));
        String mark = json.optionalString("oid");
        if (mark != null) {
          return new DatabaseComment(
              mark, json.optionalString("note"), json.optionalString("comment"));
        }
      } catch (JsonException e) {
        // Somebody else's text that begins like ours.
        return new DatabaseComment(null, null, comment);
      }
    }
    return new DatabaseComment(null, null, comment);
  }

  /** The same comment of its own on a database that lies beside the live one. */
  DatabaseComment marked(String oid, @Nullable String newNote) {
    return new DatabaseComment(oid, newNote, own);
  }

  /** What to store, or null for no comment. */
  @Nullable String text() {
    if (mark == null) {
      return own;
    }
    return PREFIX
        + new JsonObject().put("oid", mark).putIfPresent("note", note).putIfPresent("comment", own);
  }

  /** The statement that stores a comment; a null one removes it. */
  static String statement(String database, @Nullable String comment) {
    return "COMMENT ON DATABASE "
        + SqlText.name(database)
        + " IS "
        + (comment == null ? "NULL" : SqlText.literal(comment));
  }
}
