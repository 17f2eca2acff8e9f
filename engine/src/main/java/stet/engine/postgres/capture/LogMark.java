package stet.engine.postgres.capture;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.repository.json.JsonObject;

/**
 * What a capture's manifest keeps of the server's log for later captures, see {@link WalSummaries}.
 *
 * @param from the place since which changes are to be looked for, or null if none is known
 * @param samples for captures that find one of them useful, oldest first
 * @param witness null if there is none
 */
record LogMark(@Nullable String from, List<Sample> samples, @Nullable Witness witness) {
  private static final int MOST_SAMPLES = 16;

  static final LogMark NONE = new LogMark(null, List.of(), null);

  /**
   * A place in the log before which all transactions with a smaller number began.
   *
   * @param xid the number of a transaction that began after it
   */
  record Sample(String lsn, long xid) {}

  /**
   * A summary that was there when everything which a capture sees was in it. A server that has it
   * has not been put back to an earlier moment since.
   *
   * @param digest tells its content
   * @param modified when the server wrote it; null if the role may not know
   */
  record Witness(Summary summary, String digest, @Nullable String modified) {}

  /** A file of the server that tells the changed blocks from one place of the log to another. */
  record Summary(long timeline, String start, String end) {
    String fileName() {
      long from = LogPosition.parse(start);
      long to = LogPosition.parse(end);
      return String.format(Locale.ROOT, "%08X%016X%016X.summary", timeline, from, to);
    }

    String arguments() {
      return timeline + ", '" + start + "', '" + end + "'";
    }
  }

  /**
   * The mark of a capture.
   *
   * @param xmin the oldest transaction that was not over
   * @param taken the capture's own sample
   * @param before the mark of the capture before it
   */
  static LogMark of(long xmin, Sample taken, LogMark before, @Nullable Witness witness) {
    List<Sample> samples = new ArrayList<>(before.samples());
    samples.add(taken);
    Sample newest = null;
    for (Sample sample : samples) {
      if (sample.xid() < xmin) {
        newest = sample;
      }
    }
    if (newest != null) {
      // Who can use this one cannot want an older one.
      samples = samples.subList(samples.indexOf(newest), samples.size());
    }
    if (samples.size() > MOST_SAMPLES) {
      samples = new ArrayList<>(samples);
      samples.subList(1, samples.size() - MOST_SAMPLES + 1).clear();
    }
    return new LogMark(newest == null ? null : newest.lsn(), List.copyOf(samples), witness);
  }

  JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .putIfPresent("from", from)
            .put(
                "samples",
                samples.stream()
                    .map(sample ->
                        new JsonObject().put("lsn", sample.lsn()).put("xid", sample.xid()))
                    .toList());
    if (witness != null) {
      json.put(
          "witness",
          new JsonObject()
              .put("timeline", witness.summary().timeline())
              .put("start", witness.summary().start())
              .put("end", witness.summary().end())
              .put("digest", witness.digest())
              .putIfPresent("modified", witness.modified()));
    }
    return json;
  }

  static LogMark parse(JsonObject json) {
    List<Sample> samples =
        json.objects("samples").stream()
            .map(sample -> new Sample(place(sample.string("lsn")), sample.integer("xid")))
            .toList();
    Witness witness = null;
    if (json.has("witness")) {
      JsonObject object = json.object("witness");
      witness =
          new Witness(
              new Summary(
                  object.integer("timeline"),
                  place(object.string("start")),
                  place(object.string("end"))),
              object.string("digest"),
              object.optionalString("modified"));
    }
    String from = json.optionalString("from");
    return new LogMark(from == null ? null : place(from), samples, witness);
  }

  /** Refuses what is no place in a log, as it becomes part of statements. */
  private static String place(String text) {
    LogPosition.parse(text);
    return text;
  }
}
