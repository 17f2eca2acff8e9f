package stet.engine.postgres.archive;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.ConnectionSettings;
import stet.engine.process.PrivateFiles;

/**
 * A database's definitions by what they define, the database's own aside, to be compared and shown.
 * Secrets in them are replaced by marks, see {@link SecretMask}: texts of one process are equal if
 * and only if the definitions are.
 */
public final class DefinitionTexts {
  private DefinitionTexts() {}

  /**
   * The definitions of an archive.
   *
   * @param renames what tablespaces are called
   * @return for each kind and name the texts, sorted; functions of one name may be several
   */
  public static Map<String, List<String>> of(DumpArchive archive, Renames renames) {
    Map<String, List<String>> texts = new LinkedHashMap<>();
    for (DumpArchive.Entry entry : archive.entries()) {
      if (entry.kind().startsWith("DATABASE") || entry.tag().startsWith("DATABASE ")) {
        continue;
      }
      String schema = entry.schema();
      String name =
          entry.kind()
              + " "
              + (schema == null || schema.isEmpty() ? "" : schema + ".")
              + entry.tag();
      texts.computeIfAbsent(name, key -> new ArrayList<>()).add(text(entry, renames));
    }
    texts.values().forEach(each -> each.sort(null));
    return texts;
  }

  private static String text(DumpArchive.Entry entry, Renames renames) {
    String tablespace = renames.tablespace(entry.tablespace());
    String owner = entry.owner();
    return SecretMask.mask(entry.kind(), entry.definition().strip())
        + (owner == null || owner.isEmpty() ? "" : "\n-- owner " + owner)
        + (tablespace.isEmpty() || tablespace.equals("pg_default")
            ? ""
            : "\n-- tablespace " + tablespace);
  }

  /** The same with the texts of each name in one. */
  public static Map<String, String> joined(Map<String, List<String>> texts) {
    Map<String, String> joined = new LinkedHashMap<>();
    texts.forEach((name, each) -> joined.put(name, String.join("\n", each)));
    return joined;
  }

  /**
   * Has pg_dump write the definitions of a database.
   *
   * @param serverEncoding the database's encoding
   * @param files keeps the archive
   */
  public static DumpArchive dump(
      ConnectionSettings settings, PostgresTools tools, String serverEncoding, PrivateFiles files) {
    Path archive = files.path("definitions");
    tools
        .program("pg_dump", settings, files)
        .arguments(
            PostgresTools.dumpArguments(settings.database(), serverEncoding, "--file=" + archive))
        .run();
    try {
      return DumpArchive.read(settings.database(), Files.readAllBytes(archive));
    } catch (IOException e) {
      throw new StetException(
          ErrorCode.SOURCE, "cannot read what pg_dump wrote: " + e.getMessage(), null, e);
    }
  }
}
