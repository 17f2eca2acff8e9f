package stet.engine.postgres.inplace;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import stet.engine.postgres.archive.DumpArchive;
import stet.engine.postgres.archive.DumpArchive.Entry;
import stet.engine.postgres.inplace.LiveObjects.LiveObject;

/**
 * What stays in a database that is restored in place because it belongs to others, such as a host's
 * extensions, and what of an archive is left out for it.
 */
final class KeptObjects {
  private static final Set<String> ABOUT = Set.of("COMMENT", "ACL", "SECURITY LABEL");

  private final LiveObjects live;
  private final List<LiveObject> unmatched;

  KeptObjects(LiveObjects live) {
    this.live = live;
    this.unmatched = new ArrayList<>(live.kept());
  }

  /** Leaves out of an archive what stays, with what is said about it. */
  void leaveOut(DumpArchive archive) {
    Set<Integer> left = new HashSet<>();
    Set<Integer> foreign = new HashSet<>();
    for (Entry entry : archive.entries()) {
      String type = type(entry.kind());
      if (type == null) {
        continue;
      }
      if (unmatched.removeIf(object -> object.is(type) && object.name().equals(entry.tag()))) {
        left.add(entry.id());
        foreign.add(entry.id());
      } else if (type.equals(LiveObjects.SCHEMA)
          && !entry.tag().equals(LiveObjects.PUBLIC)
          && live.keepsSchema(entry.tag())) {
        left.add(entry.id());
      }
    }
    boolean ownsPublic = live.mayChange(LiveObjects.PUBLIC);
    unmatched.removeIf(
        object -> object.is(LiveObjects.SCHEMA) && object.name().equals(LiveObjects.PUBLIC));
    archive.change(entry -> {
      boolean about =
          ABOUT.contains(entry.kind())
              && (entry.after().stream().anyMatch(foreign::contains)
                  || (!ownsPublic
                      && entry.schema() == null
                      && entry.tag().equals("SCHEMA " + LiveObjects.PUBLIC)));
      return about || left.contains(entry.id()) ? null : entry;
    });
  }

  /** How the server calls what entries of this kind make, where that may belong to others. */
  private static @Nullable String type(String kind) {
    return switch (kind) {
      case "EXTENSION" -> LiveObjects.EXTENSION;
      case "SCHEMA" -> LiveObjects.SCHEMA;
      case "EVENT TRIGGER" -> "event trigger";
      case "PUBLICATION" -> "publication";
      case "FOREIGN DATA WRAPPER" -> "foreign-data wrapper";
      case "SERVER" -> "server";
      case "PROCEDURAL LANGUAGE" -> "language";
      case "ACCESS METHOD" -> "access method";
      default -> null;
    };
  }

  /** The numbers of objects to expect: what the archive did not know stays, too. */
  Map<String, Long> expected(Map<String, Long> captured) {
    Map<String, Long> counts = new LinkedHashMap<>(captured);
    Map<String, String> classes =
        new HashMap<>(
            Map.of(
                LiveObjects.EXTENSION,
                "extensions",
                LiveObjects.SCHEMA,
                "schemas",
                "event trigger",
                "event_triggers",
                "publication",
                "publications",
                "foreign-data wrapper",
                "foreign_data_wrappers",
                "server",
                "foreign_servers",
                "language",
                "languages",
                "access method",
                "access_methods"));
    for (LiveObject object : unmatched) {
      String name = classes.get(object.type());
      if (name != null) {
        counts.merge(name, 1L, Long::sum);
      }
    }
    return counts;
  }

  /** What stays and is not in the archive. */
  List<String> beyond() {
    return unmatched.stream().map(LiveObject::text).toList();
  }
}
