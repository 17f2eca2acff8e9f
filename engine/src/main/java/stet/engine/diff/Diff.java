package stet.engine.diff;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import stet.engine.component.ComponentKind;
import stet.engine.diff.Changes.Modifier;
import stet.engine.rules.Finding;
import stet.repository.json.JsonObject;

/** Compares two states of an application. */
public final class Diff {
  private static final String LARGE_OBJECTS = "large_objects";

  private final State before;
  private final State after;
  private final Changes changes;
  private final Map<String, ComponentKind> kinds;

  /**
   * Prepares.
   *
   * @param kinds the kinds of components by their keys
   * @param changes takes what differs
   */
  public Diff(State before, State after, Map<String, ComponentKind> kinds, Changes changes) {
    this.before = before;
    this.after = after;
    this.kinds = kinds;
    this.changes = changes;
  }

  /** Compares all components and rules. */
  public void run() {
    before
        .parts()
        .forEach((name, part) -> {
          State.Part other = after.parts().get(name);
          if (other == null) {
            changes.component(name, Modifier.REMOVED);
          } else if (!part.kind().equals(other.kind())) {
            changes.component(name, Modifier.TYPE);
          } else {
            compare(name, part, other);
          }
        });
    after.parts().keySet().stream()
        .filter(name -> !before.parts().containsKey(name))
        .forEach(name -> changes.component(name, Modifier.ADDED));
    rules();
  }

  private void compare(String name, State.Part one, State.Part other) {
    ComponentKind kind = kinds.get(one.kind());
    if (kind == null || !kind.hasTables()) {
      new TreeDiff(before.source(), after.source(), name, changes)
          .compareTop(one.node(), other.node());
      return;
    }
    tables(name, one.details(), other.details());
    largeObjects(name, one.details(), other.details());
    Map<String, String> olds = new TreeMap<>(one.definitions().get());
    Map<String, String> news = new TreeMap<>(other.definitions().get());
    Map<String, String> all = new TreeMap<>(olds);
    all.putAll(news);
    for (String object : all.keySet()) {
      if (!Objects.equals(olds.get(object), news.get(object))) {
        changes.definition(name, object, olds.get(object), news.get(object));
      }
    }
  }

  private static Map<String, JsonObject> tables(JsonObject details) {
    Map<String, JsonObject> tables = new LinkedHashMap<>();
    for (JsonObject table : details.objects("tables")) {
      tables.put(table.string("schema") + "." + table.string("name"), table);
    }
    return tables;
  }

  private void tables(String name, JsonObject one, JsonObject other) {
    Map<String, JsonObject> olds = tables(one);
    Map<String, JsonObject> news = tables(other);
    olds.forEach((table, old) -> {
      JsonObject now = news.remove(table);
      if (now == null) {
        changes.table(name, table, old.integer("rows"), null);
      } else if (!old.string("hash").equals(now.string("hash"))) {
        changes.table(name, table, old.integer("rows"), now.integer("rows"));
      }
    });
    news.forEach((table, now) -> changes.table(name, table, null, now.integer("rows")));
  }

  private void largeObjects(String name, JsonObject one, JsonObject other) {
    if (one.has(LARGE_OBJECTS) && other.has(LARGE_OBJECTS)) {
      JsonObject olds = one.object(LARGE_OBJECTS);
      JsonObject news = other.object(LARGE_OBJECTS);
      if (!olds.string("hash").equals(news.string("hash"))) {
        changes.largeObjects(name, olds.integer("count"), news.integer("count"));
      }
    }
  }

  private void rules() {
    for (Finding finding : before.findings()) {
      Finding now = Finding.of(finding, after.findings());
      if (now == null || !now.isSame(finding)) {
        changes.rule(finding, now);
      }
    }
    for (Finding finding : after.findings()) {
      if (Finding.of(finding, before.findings()) == null) {
        changes.rule(null, finding);
      }
    }
  }
}
