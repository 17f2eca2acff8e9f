package stet.engine.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import stet.engine.ErrorCode;
import stet.engine.RowHash;
import stet.engine.rules.Finding;
import stet.engine.snapshot.Manifest;
import stet.engine.snapshot.SnapshotCatalog;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.Repository;
import stet.repository.backend.LocalBackend;
import stet.repository.backend.StoredFile;
import stet.repository.codec.UnpackedCodec;
import stet.repository.index.BlobIndex;
import stet.repository.index.IndexFile;
import stet.repository.index.PackEntry;
import stet.repository.lock.RepositoryLock;
import stet.repository.pack.PackWriter;
import stet.repository.snapshot.Snapshot;
import stet.repository.tree.Node;
import stet.repository.tree.Tree;
import stet.testkit.LightRepository;

/** What the state of an environment is, by its snapshots and their proofs. */
class HealthTest {
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

  @TempDir Path directory;

  private final List<String> warnings = new ArrayList<>();
  private Repository repository;

  @BeforeEach
  void create() {
    repository =
        LightRepository.create(
            new LocalBackend(directory.resolve("r")), "secret".getBytes(StandardCharsets.UTF_8));
  }

  @AfterEach
  void close() {
    repository.close();
  }

  private static Instant before(String age) {
    return NOW.minus(Duration.parse(age));
  }

  /** Stores a snapshot in which a rule holds. */
  private Snapshot backUp(String age) {
    Instant time = before(age);
    Manifest manifest =
        new Manifest(
            "shop",
            "production",
            time,
            time,
            "1",
            new RowHash.Key(1, 2),
            List.of(),
            List.of(new Finding("rule", "none in t where false", 0, "0", List.of(), null)));
    byte[] json = manifest.toBytes();
    repository.loadIndex();
    try (PackWriter writer = repository.newWriter()) {
      Id content = writer.save(BlobType.DATA, json);
      Id tree =
          writer.save(
              BlobType.TREE,
              Tree.encode(
                  List.of(Node.file(Manifest.FILE_NAME, time, json.length, List.of(content)))));
      writer.flush();
      Id id =
          repository.saveSnapshot(
              Snapshot.builder(time.atOffset(ZoneOffset.UTC), tree)
                  .hostname("shop")
                  .paths(SnapshotCatalog.paths("production"))
                  .tags(SnapshotCatalog.tags("production", List.of()))
                  .build());
      return repository.snapshot(id);
    }
  }

  private void prove(Snapshot snapshot, String age, String... failures) {
    prove(snapshot, age, Duration.ofMinutes(1), failures);
  }

  private Id prove(Snapshot snapshot, String age, Duration restored, String... failures) {
    repository.loadIndex();
    return Proofs.save(
        repository,
        "shop",
        new Proof(
            snapshot.tree(),
            snapshot.requireId().toString(),
            "production",
            before(age).minus(restored),
            before(age),
            restored,
            List.of(),
            List.of(),
            List.of(failures)));
  }

  private void forget(Snapshot snapshot) {
    repository.backend().delete(StoredFile.snapshot(snapshot.requireId()));
  }

  private Health health() {
    return health(Duration.ofDays(7));
  }

  private Health health(@Nullable Duration proofAge) {
    Health health =
        Health.of(
            repository,
            "shop",
            "production",
            new Health.Objectives(Duration.ofDays(1), Duration.ofHours(1), proofAge),
            NOW,
            warnings::add);
    assertThat(health.aspects()).extracting(Health.Aspect::name).doesNotHaveDuplicates();
    return health;
  }

  private static Health.Aspect aspect(Health health, String name) {
    return health.aspects().stream()
        .filter(aspect -> aspect.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static void requireState(
      Health health, Health.State state, @Nullable ErrorCode error, String summary) {
    assertThat(health.state()).as("%s", health).isEqualTo(state);
    assertThat(health.error()).as("%s", health).isEqualTo(error);
    assertThat(health.summary()).isEqualTo("environment production " + summary);
    if (state == Health.State.GREEN) {
      assertThat(health.next()).isNull();
    } else {
      assertThat(health.next()).isNotNull();
    }
  }

  @Test
  void aProvenNewestSnapshotIsGreen() {
    Snapshot snapshot = backUp("PT3H");
    prove(snapshot, "PT2H");

    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  @Test
  void anUnprovenNewestSnapshotIsAmberHoweverFreshTheProofOfAnother() {
    Snapshot monday = backUp("PT27H");
    prove(monday, "PT26H");
    Snapshot tuesday = backUp("PT3H");

    Health health = health();

    requireState(health, Health.State.AMBER, null, "is backed up, the newest snapshot unproven");
    assertThat(aspect(health, "proof").text())
        .isEqualTo(
            "the newest snapshot is not proven; the newest proof is of snapshot "
                + monday.requireId().shortText()
                + " 26 h ago");
    assertThat(health.next()).isEqualTo("Run `stet prove`.");
    prove(tuesday, "PT1H");
    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  @Test
  void theProofOfAnotherSnapshotIsStaleAtItsTime() {
    prove(backUp("PT240H"), "PT239H");
    backUp("PT3H");

    Health health = health();

    requireState(health, Health.State.RED, ErrorCode.PROOF_STALE, "needs attention: proof");
    assertThat(aspect(health, "proof").text()).contains("not proven").endsWith(", older than 7 d");
  }

  @Test
  void aFailureOfTheNewestSnapshotIsNotCoveredByThatAnOlderOnePasses() {
    Snapshot older = backUp("PT27H");
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT2H", "default: a row is missing");
    prove(older, "PT1H");

    Health health = health();

    requireState(
        health,
        Health.State.RED,
        ErrorCode.NOT_RESTORABLE,
        "may not be restorable: the newest proof failed");
    assertThat(aspect(health, "proof").text())
        .isEqualTo(
            "snapshot "
                + newest.requireId().shortText()
                + " 2 h ago failed: default: a row is missing");
    assertThat(health.proof()).isNotNull();
    assertThat(health.proof().passed()).isFalse();
  }

  @Test
  void aFailureOfTheNewestProvenSnapshotIsNotCoveredEither() {
    Snapshot older = backUp("PT27H");
    prove(backUp("PT4H"), "PT3H", "default: a row is missing");
    prove(older, "PT2H");
    backUp("PT1H");

    requireState(
        health(),
        Health.State.RED,
        ErrorCode.NOT_RESTORABLE,
        "may not be restorable: the newest proof failed");
  }

  @Test
  void aSnapshotThatPassesAfterItFailedIsProven() {
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT2H", "default: a row is missing");
    prove(newest, "PT1H");

    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  @Test
  void aFailureOfAnOlderSnapshotIsToldButDoesNotCondemnAProvenNewest() {
    Snapshot older = backUp("PT27H");
    Snapshot newest = backUp("PT5H");
    prove(older, "PT5H", "an earlier failure");
    prove(newest, "PT4H");
    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
    prove(older, "PT2H", "default: a row is missing");
    backUp("PT1H");

    Health health = health();

    assertThat(health.state()).as("%s", health).isEqualTo(Health.State.AMBER);
    assertThat(health.error()).isNull();
    assertThat(aspect(health, "proof").text())
        .contains("of snapshot " + newest.requireId().shortText() + " 4 h ago")
        .endsWith(
            "; older snapshot "
                + older.requireId().shortText()
                + " failed later: default: a row is missing");
  }

  @Test
  void proofsOfForgottenSnapshotsDoNotCount() {
    Snapshot forgotten = backUp("PT5H");
    prove(forgotten, "PT4H");
    backUp("PT3H");
    forget(forgotten);

    Health health = health();

    requireState(health, Health.State.AMBER, ErrorCode.PROOF_STALE, "is backed up, unproven");
    assertThat(health.proof()).isNull();
    assertThat(aspect(health, "proof").text()).isEqualTo("no snapshot that is there is proven");

    Snapshot failed = backUp("PT2H");
    prove(failed, "PT1H", "default: a row is missing");
    forget(failed);
    assertThat(health().error()).isEqualTo(ErrorCode.PROOF_STALE);
  }

  @Test
  void aProofHoldsWhateverBecomesOfTheSnapshotsName() {
    Snapshot snapshot = backUp("PT3H");
    prove(snapshot, "PT2H");
    List<String> tags = new ArrayList<>(snapshot.tags());
    tags.add("kept");
    repository.saveSnapshot(snapshot.toBuilder().tags(tags).build());
    forget(snapshot);

    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  @Test
  void aSnapshotOfTheFutureIsNotGreen() {
    Snapshot past = backUp("PT3H");
    Snapshot future = backUp("PT-1H");
    prove(future, "PT0S");

    Health health = health();

    requireState(health, Health.State.AMBER, null, "is backed up, but not all is known to be well");
    assertThat(aspect(health, "snapshot").text())
        .isEqualTo(
            future.requireId().shortText()
                + " is of the future (in 1 h), so a clock was or is wrong; before it "
                + past.requireId().shortText()
                + " of 3 h ago");
    assertThat(health.next()).contains("`restic forget " + future.requireId().shortText() + "`");
  }

  @Test
  void aSnapshotOfTheFutureDoesNotHideThatBackupsHaveStopped() {
    backUp("PT48H");
    prove(backUp("PT-1H"), "PT0S");

    Health health = health();

    requireState(
        health,
        Health.State.AMBER,
        ErrorCode.RPO_MISSED,
        "is backed up, but not all is known to be well");
    assertThat(aspect(health, "snapshot").text()).endsWith("of 2 d ago, older than 24:00 h");
  }

  @Test
  void whatClocksMayDifferIsNotTheFuture() {
    prove(backUp("PT-4M"), "PT-4M");

    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  @Test
  void aProofOfTheFutureIsNotGreen() {
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT-240H");

    Health health = health();

    requireState(
        health,
        Health.State.AMBER,
        ErrorCode.PROOF_STALE,
        "is backed up, but not all is known to be well");
    assertThat(aspect(health, "proof").text())
        .endsWith("; that is of the future, so a clock was or is wrong");
    assertThat(health(null).error()).as("without an objective").isNull();
    prove(newest, "PT1H");
    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
    prove(newest, "PT-120H", "default: a row is missing");
    assertThat(health().error()).isEqualTo(ErrorCode.NOT_RESTORABLE);
  }

  /** By its own time the older snapshot's proof is the earlier one, though it is the last made. */
  @Test
  void aProofOfTheFutureIsNotStaleWhereAnOlderSnapshotIsProvenInTime() {
    Snapshot older = backUp("PT27H");
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT-240H");
    assertThat(health().error()).isEqualTo(ErrorCode.PROOF_STALE);

    prove(older, "PT1H");

    requireState(
        health(), Health.State.AMBER, null, "is backed up, but not all is known to be well");
  }

  @Test
  void aFailureOfASnapshotOfTheFutureIsFound() {
    Snapshot past = backUp("PT3H");
    prove(backUp("PT-1H"), "PT2H", "default: a row is missing");
    prove(past, "PT1H");

    assertThat(health().error()).isEqualTo(ErrorCode.NOT_RESTORABLE);
  }

  @Test
  void anUnreadableProofIsNotGreen() {
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT2H");
    Snapshot proof = repository.snapshot(prove(newest, "PT1H", Duration.ofMinutes(1)));
    forget(proof);
    repository.saveSnapshot(proof.toBuilder().tree(newest.tree()).build());

    Health health = health();

    requireState(health, Health.State.AMBER, null, "is backed up, but not all is known to be well");
    assertThat(aspect(health, "proof").text()).endsWith("; 1 proof cannot be read");
    assertThat(warnings).singleElement().asString().contains("has no proof.json");
  }

  @Test
  void anUnreadableSnapshotFileIsRed() throws IOException {
    Snapshot snapshot = backUp("PT3H");
    prove(snapshot, "PT2H");
    Snapshot newest = backUp("PT1H");
    Path file = directory.resolve("r").resolve(StoredFile.snapshot(newest.requireId()).path());
    Files.delete(file);
    Files.write(file, new byte[100]);

    Health health = health();

    requireState(health, Health.State.RED, ErrorCode.NOT_RESTORABLE, "needs attention: repository");
    assertThat(aspect(health, "repository").text()).contains(newest.requireId().toString());
    assertThat(health.next()).contains("from a copy").contains("`stet backup`");
  }

  @Test
  void whereAssertionsAloneFailTheRepositoryIsNotSuspected() {
    Snapshot newest = backUp("PT3H");
    prove(newest, "PT2H", "assertion \"select 1\": it gives 1, less than 2");

    Health health = health();

    requireState(
        health,
        Health.State.RED,
        ErrorCode.NOT_RESTORABLE,
        "may not be restorable: the newest proof failed");
    assertThat(health.next()).startsWith("Mend what the assertions found");
    prove(newest, "PT1H", "assertion `x`: false", "default: table t differs");
    assertThat(health().next()).startsWith("Run `stet check --read-data`");
  }

  @Test
  void aMissingPackIsRedUntilItIsOutOfTheIndex() {
    prove(backUp("PT3H"), "PT2H");
    Id pack = Id.of(new byte[] {1});
    storeIndexOfAPack(pack, false);

    Health health = health();

    requireState(health, Health.State.RED, ErrorCode.NOT_RESTORABLE, "needs attention: repository");
    assertThat(aspect(health, "repository").text())
        .startsWith(
            "1 missing or cut pack: " + pack.shortText() + "; what they hold may not come back; ")
        .endsWith(" of packs");
    assertThat(health.next())
        .isEqualTo("Run `stet check --read-data`, then `stet backup` and `stet prove`.");
  }

  @Test
  void aPackThatIsToBeDeletedMayBeMissing() {
    prove(backUp("PT3H"), "PT2H");
    storeIndexOfAPack(Id.of(new byte[] {1}), true);

    requireState(health(), Health.State.GREEN, null, "is backed up and proven");
  }

  private void storeIndexOfAPack(Id pack, boolean toDelete) {
    String json =
        new String(
            IndexFile.encode(
                List.of(
                    new BlobIndex.Pack(
                        pack,
                        List.of(new PackEntry(BlobType.DATA, Id.of(new byte[] {2}), 0, 50, 0))))),
            StandardCharsets.UTF_8);
    if (toDelete) {
      json = json.replace("\"packs\"", "\"packs_to_delete\"");
    }
    byte[] file =
        repository.masterKey().seal(UnpackedCodec.encode(json.getBytes(StandardCharsets.UTF_8)));
    repository.backend().save(StoredFile.index(Id.of(file)), file);
  }

  @Test
  void aPackThatIsKnownToBeDamagedIsRed() {
    prove(backUp("PT3H"), "PT2H");
    repository.loadIndex();
    Id pack = repository.index().byPack().getFirst().id();
    try (RepositoryLock lock = repository.lock(false)) {
      repository.recordDamage(Set.of(pack, Id.of(new byte[] {3})));
      lock.check();
    }

    Health health = health();

    requireState(health, Health.State.RED, ErrorCode.NOT_RESTORABLE, "needs attention: repository");
    assertThat(aspect(health, "repository").text())
        .startsWith("1 damaged pack: " + pack.shortText());
  }

  @Test
  void aRestoreThatTakesTooLongIsRed() {
    prove(backUp("PT3H"), "PT1H", Duration.ofMinutes(61));

    Health health = health();

    requireState(health, Health.State.RED, ErrorCode.RTO_MISSED, "needs attention: restore time");
    assertThat(health.next()).contains("objectives.rto");
    backUp("PT2H");
    assertThat(health().error()).isEqualTo(ErrorCode.RTO_MISSED);
  }

  @Test
  void theGravestIsWhatACheckEndsWith() {
    prove(backUp("PT240H"), "PT239H", Duration.ofMinutes(61));

    Health health = health();

    requireState(
        health,
        Health.State.RED,
        ErrorCode.RPO_MISSED,
        "needs attention: proof, restore time, snapshot");
    assertThat(health.next()).isEqualTo("Run `stet backup`.");
    storeIndexOfAPack(Id.of(new byte[] {1}), false);
    assertThat(health().error()).isEqualTo(ErrorCode.NOT_RESTORABLE);
  }

  @Test
  void withoutASnapshotItIsRed() {
    requireState(health(), Health.State.RED, ErrorCode.RPO_MISSED, "has no snapshot");
  }
}
