package stet.engine.postgres;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.archive.SecretMask;
import stet.engine.postgres.catalog.AccessRights;
import stet.engine.postgres.catalog.CatalogReader;
import stet.engine.postgres.catalog.CatalogReader.LargeObjectProperties;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.catalog.DatabaseDescription.Database;
import stet.engine.postgres.catalog.DatabaseDescription.Grant;
import stet.engine.postgres.catalog.DatabaseDescription.SecurityLabel;
import stet.engine.postgres.catalog.DatabaseDescription.Sequence;
import stet.engine.postgres.catalog.DatabaseDescription.Setting;
import stet.engine.postgres.connection.Session;
import stet.engine.postgres.connection.SqlText;
import stet.engine.postgres.restore.DatabaseComment;
import stet.engine.postgres.restore.DatabaseProperties;

/**
 * What pg_dump's definitions do not hold, as text to be compared and shown: the database's own
 * properties without its name, values of sequences, and what is known of large objects besides
 * their bytes. Secrets are replaced by marks.
 */
final class DatabaseTexts {
  private final Map<String, String> texts = new HashMap<>();

  private DatabaseTexts() {}

  /** Those of a captured database, by what they tell of. */
  static Map<String, String> of(DatabaseDescription description) {
    DatabaseTexts texts = new DatabaseTexts();
    texts.add(description.database());
    description.sequences().forEach(texts::add);
    description
        .largeObjects()
        .forEach(object ->
            texts.add(
                object.oid(),
                new LargeObjectProperties(
                    object.owner(), object.acl(), object.comment(), object.labels())));
    return texts.texts;
  }

  /** Those of a live database. */
  static Map<String, String> live(Session session) throws SQLException {
    CatalogReader catalog = new CatalogReader(session);
    DatabaseTexts texts = new DatabaseTexts();
    texts.add(catalog.database());
    catalog.sequences().forEach(texts::add);
    catalog.largeObjectProperties().forEach(texts::add);
    return texts.texts;
  }

  private void add(Database database) {
    texts.put("DATABASE OWNER", SqlText.name(database.owner()));
    texts.put(
        "DATABASE LOCALE",
        database.encoding()
            + ", "
            + database.localeProvider().text()
            + ", LC_COLLATE "
            + database.collate()
            + ", LC_CTYPE "
            + database.ctype()
            + (database.locale() == null ? "" : ", " + database.locale())
            + (database.icuRules() == null ? "" : ", rules " + database.icuRules()));
    texts.put("DATABASE TABLESPACE", database.tablespace());
    texts.put("DATABASE CONNECTION LIMIT", "" + database.connectionLimit());
    putGrants("DATABASE PRIVILEGES", "DATABASE", database.owner(), database.acl());
    String comment = DatabaseComment.read(database.comment()).own();
    if (comment != null) {
      texts.put("DATABASE COMMENT", SecretMask.text(comment));
    }
    for (Setting setting : database.settings()) {
      texts.put(
          "DATABASE SETTING "
              + setting.name()
              + (setting.role() == null ? "" : " OF ROLE " + setting.role()),
          setting.sensitive() || SecretMask.isSecretName(setting.name())
              ? SecretMask.mark(setting.value())
              : SecretMask.text(DatabaseProperties.assignment(setting).strip()));
    }
    for (SecurityLabel label : database.labels()) {
      texts.put("DATABASE LABEL " + label.provider(), label.label());
    }
  }

  private void add(Sequence sequence) {
    texts.put(
        "SEQUENCE VALUE " + sequence.schema() + "." + sequence.name(),
        sequence.lastValue() + (sequence.called() ? "" : ", not yet given"));
  }

  private void add(long oid, LargeObjectProperties object) {
    String name = "LARGE OBJECT " + oid;
    StringBuilder text = new StringBuilder("owner ").append(SqlText.name(object.owner()));
    if (object.comment() != null) {
      text.append("\ncomment ").append(SecretMask.text(object.comment()));
    }
    for (SecurityLabel label : object.labels()) {
      text.append("\nlabel of ").append(label.provider()).append(": ").append(label.label());
    }
    texts.put(name, text.toString());
    putGrants(name + " PRIVILEGES", name, object.owner(), object.acl());
  }

  private void putGrants(String name, String object, String owner, @Nullable List<Grant> acl) {
    if (acl != null) {
      texts.put(
          name,
          AccessRights.statements(object, owner, List.of("PUBLIC"), acl).stream()
              .sorted()
              .collect(Collectors.joining("\n")));
    }
  }
}
