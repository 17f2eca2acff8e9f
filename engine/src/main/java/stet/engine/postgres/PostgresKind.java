package stet.engine.postgres;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;
import stet.engine.component.ExportContext;
import stet.engine.component.RestoreContext;
import stet.engine.component.Setting;
import stet.engine.postgres.archive.DefinitionTexts;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.Renames;
import stet.engine.postgres.capture.DatabaseCapture;
import stet.engine.postgres.catalog.CapturedFiles;
import stet.engine.postgres.catalog.DatabaseDescription;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.postgres.export.DatabaseExport;

/** PostgreSQL databases as components. */
public final class PostgresKind implements ComponentKind {
  @Override
  public String key() {
    return "postgres";
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        new Setting(
            "url",
            Setting.Type.SECRET,
            false,
            "The database as libpq reads it: a URI, key=value words, service=NAME or a database"
                + " name; PG* variables and the password file complete it."),
        new Setting(
            "admin_url",
            Setting.Type.SECRET,
            false,
            "How to reach the same server as a role that may create databases, roles and extensions,"
                + " for restores, where the role of url may not."),
        new Setting(
            "tools",
            Setting.Type.TEXT,
            false,
            "The directory of pg_dump and pg_restore, where they are not in PATH or"
                + " /usr/lib/postgresql/*/bin."),
        new Setting(
            "roles",
            Setting.Type.MAPPING,
            false,
            "For restores: what roles of the snapshot are called here, by their names in the"
                + " snapshot."),
        new Setting(
            "tablespaces",
            Setting.Type.MAPPING,
            false,
            "For restores: what tablespaces of the snapshot are called here, by their names in the"
                + " snapshot."),
        new Setting(
            "full_interval",
            Setting.Type.DURATION,
            false,
            "After which time a backup reads all rows again, also those that have not changed; 30d"
                + " unless set."));
  }

  @Override
  public Map<String, String> definitions(RestoreContext context) {
    CapturedFiles files = new CapturedFiles(context.source(), context.node());
    String path = context.node().name() + "/";
    Map<String, String> texts =
        DefinitionTexts.joined(
            DefinitionTexts.of(
                DumpArchive.read(
                    path + CapturedFiles.SCHEMA, files.read(files.require(CapturedFiles.SCHEMA))),
                Renames.NONE));
    texts.putAll(
        DatabaseTexts.of(
            DatabaseDescription.parse(
                path + CapturedFiles.DESCRIPTION,
                files.read(files.require(CapturedFiles.DESCRIPTION)))));
    return texts;
  }

  @Override
  public boolean hasTables() {
    return true;
  }

  @Override
  public Component create(ComponentDefinition definition) {
    ConnectionSettings url = parse(definition, "url");
    ConnectionSettings admin = parse(definition, "admin_url");
    String tools = definition.text("tools");
    return new PostgresComponent(
        definition.name(),
        url == null ? ConnectionSettings.parse("") : url,
        admin,
        tools == null ? null : Path.of(tools),
        new Renames(renames(definition, "roles"), renames(definition, "tablespaces")),
        definition.duration("full_interval", DatabaseCapture.FULL_INTERVAL));
  }

  @Override
  public void export(ExportContext context) throws IOException {
    new DatabaseExport(context).run();
  }

  /** A snapshot of this environment has the new names already, which must then stay. */
  private static Map<String, String> renames(ComponentDefinition definition, String key) {
    Map<String, String> names = definition.mapping(key);
    for (String name : names.values()) {
      if (!name.equals(names.getOrDefault(name, name))) {
        throw new StetException(
            ErrorCode.CONFIGURATION,
            definition.origin()
                + ": "
                + definition.name()
                + "."
                + key
                + ": \""
                + name
                + "\" is a new name and has another new name, \""
                + names.get(name)
                + "\"",
            "Choose new names that are not among the old ones.");
      }
    }
    return names;
  }

  private static @Nullable ConnectionSettings parse(ComponentDefinition definition, String key) {
    String text = definition.text(key);
    if (text == null) {
      return null;
    }
    try {
      return ConnectionSettings.parse(text);
    } catch (StetException e) {
      throw new StetException(
          e.code(),
          definition.origin() + ": " + definition.name() + "." + key + ": " + e.getMessage(),
          e.hint(),
          e);
    }
  }
}
