package stet.engine.restore;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Target.Beside;
import stet.engine.component.Target.Role;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * What a restore is about to do, stored with every state it swaps, so that any node can finish or
 * undo it by looking at the states' identities.
 *
 * @param operation the restore's id
 * @param app the application
 * @param environment the environment
 * @param snapshot the snapshot that is restored, or for a rollback the operation whose previous
 *     state comes back
 * @param time when everything was staged and verified
 * @param components what takes the place of what
 * @param decision the transaction that decides it all, or null if the last swap does
 * @param undone whether the state that carries this was live until the restore was undone; what was
 *     written to it meanwhile is nowhere else, so it is kept
 */
public record RestoreJournal(
    String operation,
    String app,
    String environment,
    String snapshot,
    Instant time,
    List<Part> components,
    @Nullable Decision decision,
    boolean undone) {

  public RestoreJournal {
    components = List.copyOf(components);
  }

  /**
   * One component of a restore.
   *
   * @param name the component's name
   * @param state the state that takes its place, as it was before this journal; an undone rollback
   *     gives its note back. Null if nothing is to be live.
   * @param live the identity of what was live, or null if nothing was
   */
  public record Part(String name, @Nullable Beside state, @Nullable String live) {
    /** The identity of what is to be live, or null if nothing is. */
    public @Nullable String staged() {
      return state == null ? null : state.identity();
    }
  }

  /**
   * A restore in place, which cannot be swapped back once it is committed. So it comes last, and
   * what became of its transaction tells whether the swaps before it are to stay.
   *
   * @param component what is restored in place
   * @param transaction the transaction's name
   * @param settled whether it was committed for certain
   */
  public record Decision(String component, String transaction, boolean settled) {}

  /** The same journal of a restore whose transaction was committed. */
  RestoreJournal settled() {
    return new RestoreJournal(
        operation,
        app,
        environment,
        snapshot,
        time,
        components,
        decision == null ? null : new Decision(decision.component, decision.transaction, true),
        undone);
  }

  /** The same journal for a state that is about to be put aside again, or for any other. */
  RestoreJournal undone(boolean was) {
    return new RestoreJournal(
        operation, app, environment, snapshot, time, components, decision, was);
  }

  /** The journal of a state that was put aside, when nothing is left to undo. */
  RestoreJournal kept(Part part, Instant since) {
    return new RestoreJournal(
        operation,
        app,
        environment,
        snapshot,
        since,
        List.of(new Part(part.name, null, part.staged())),
        null,
        true);
  }

  /** The journal as compact JSON text. */
  public String toText() {
    List<JsonObject> parts = new ArrayList<>();
    for (Part part : components) {
      parts.add(
          new JsonObject()
              .put("name", part.name)
              .putIfPresent("state", part.state == null ? null : toJson(part.state))
              .putIfPresent("live", part.live));
    }
    return new JsonObject()
        .put("stet", "restore")
        .put("operation", operation)
        .put("app", app)
        .put("environment", environment)
        .put("snapshot", snapshot)
        .put("time", time.toString())
        .put("components", parts)
        .putIfPresent(
            "in_place",
            decision == null
                ? null
                : new JsonObject()
                    .put("component", decision.component)
                    .put("transaction", decision.transaction)
                    .put("settled", decision.settled))
        .putIfPresent("undone", undone ? true : null)
        .toString();
  }

  private static JsonObject toJson(Beside state) {
    return new JsonObject()
        .put("role", state.role().name().toLowerCase(Locale.ROOT))
        .put("operation", state.operation())
        .put("name", state.name())
        .put("identity", state.identity())
        .putIfPresent("note", state.note());
  }

  private static Beside state(JsonObject json) {
    return new Beside(
        Role.valueOf(json.string("role").toUpperCase(Locale.ROOT)),
        json.string("operation"),
        json.string("name"),
        json.string("identity"),
        json.optionalString("note"));
  }

  private static @Nullable Decision decision(@Nullable JsonObject json) {
    return json == null
        ? null
        : new Decision(
            json.string("component"), json.string("transaction"), json.flag("settled", false));
  }

  /** Parses a note, or returns null if it is not a journal. */
  public static @Nullable RestoreJournal parse(@Nullable String note) {
    if (note == null) {
      return null;
    }
    try {
      JsonObject object = JsonObject.parse(note);
      if (!"restore".equals(object.optionalString("stet"))) {
        return null;
      }
      List<Part> parts = new ArrayList<>();
      for (JsonObject part : object.objects("components")) {
        JsonObject state = part.optionalObject("state");
        parts.add(
            new Part(
                part.string("name"),
                state == null ? null : state(state),
                part.optionalString("live")));
      }
      return new RestoreJournal(
          object.string("operation"),
          object.string("app"),
          object.string("environment"),
          object.string("snapshot"),
          Instant.parse(object.string("time")),
          parts,
          decision(object.optionalObject("in_place")),
          object.flag("undone", false));
    } catch (JsonException | DateTimeException | IllegalArgumentException e) {
      return null;
    }
  }

  /**
   * A note to keep inside another journal. Of a journal only its own parts matter any more; the
   * notes inside it would nest without end.
   */
  static @Nullable String withoutNotes(@Nullable String note) {
    RestoreJournal journal = parse(note);
    if (journal == null) {
      return note;
    }
    List<Part> bare = new ArrayList<>();
    for (Part part : journal.components) {
      Beside state = part.state;
      bare.add(new Part(part.name, state == null ? null : state.withNote(null), part.live));
    }
    return new RestoreJournal(
            journal.operation,
            journal.app,
            journal.environment,
            journal.snapshot,
            journal.time,
            bare,
            journal.decision,
            journal.undone)
        .toText();
  }

  /** The part of a component, or null. */
  public @Nullable Part part(String component) {
    for (Part part : components) {
      if (part.name.equals(component)) {
        return part;
      }
    }
    return null;
  }
}
