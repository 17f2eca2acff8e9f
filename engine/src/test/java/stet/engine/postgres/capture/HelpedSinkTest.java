package stet.engine.postgres.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.testkit.MemoryBlobs;

@Timeout(60)
class HelpedSinkTest {
  private final MemoryBlobs blobs = new MemoryBlobs();

  /** Who saved which blob. */
  private final Map<Id, Thread> savers = new ConcurrentHashMap<>();

  private final BlobSink noting =
      new BlobSink() {
        @Override
        public Id save(BlobType type, byte[] bytes, int offset, int length) {
          Id id = blobs.save(type, bytes, offset, length);
          savers.put(id, Thread.currentThread());
          return id;
        }

        @Override
        public boolean holds(BlobType type, Id id) {
          return blobs.holds(type, id);
        }
      };

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private record Helper(Thread thread, FutureTask<Boolean> end) {}

  /** A worker that has nothing to read, and waits to help. */
  private static Helper helper(HelpedSink sink) {
    FutureTask<Boolean> end =
        new FutureTask<>(() -> {
          sink.help();
          return true;
        });
    Thread thread = Thread.ofPlatform().start(end);
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    return new Helper(thread, end);
  }

  @Test
  void aWorkerThatStillReadsSavesByItselfWhileAllRead() {
    HelpedSink sink = new HelpedSink(noting, 2);
    Id id = sink.save(BlobType.DATA, bytes("one"));
    assertThat(id).isEqualTo(Id.of(bytes("one")));
    assertThat(savers).containsEntry(id, Thread.currentThread());
  }

  @Test
  void oneThatHasNothingToReadSavesWhatTheReaderMayOverwrite() throws Exception {
    HelpedSink sink = new HelpedSink(noting, 2);
    Helper helper = helper(sink);
    byte[] buffer = bytes("--first--");
    Id id = sink.save(BlobType.DATA, buffer, 2, 5);
    System.arraycopy(bytes("*********"), 0, buffer, 0, buffer.length);
    while (!savers.containsKey(id)) {
      // Whoever calls help before the helper has woken saves it instead.
      Thread.onSpinWait();
    }
    sink.help();
    helper.end.get();

    assertThat(id).isEqualTo(Id.of(bytes("first")));
    assertThat(blobs.load(BlobType.DATA, id)).isEqualTo(bytes("first"));
    assertThat(savers).containsEntry(id, helper.thread);
  }

  @Test
  void whatTheRepositoryHoldsIsNotHandedOver() throws Exception {
    HelpedSink sink = new HelpedSink(noting, 2);
    Id known = sink.save(BlobType.DATA, bytes("known"));
    Helper helper = helper(sink);
    assertThat(sink.save(BlobType.DATA, bytes("known"))).isEqualTo(known);
    sink.help();
    helper.end.get();
    assertThat(savers).containsEntry(known, Thread.currentThread());
  }

  @Test
  void aBlobThatTheHelperCannotSaveMakesItFail() {
    HelpedSink sink =
        new HelpedSink(
            new BlobSink() {
              @Override
              public Id save(BlobType type, byte[] bytes, int offset, int length) {
                throw new IllegalStateException("full");
              }

              @Override
              public boolean holds(BlobType type, Id id) {
                return false;
              }
            },
            2);
    Helper helper = helper(sink);
    sink.save(BlobType.DATA, bytes("lost"));
    assertThatThrownBy(helper.end::get)
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseMessage("full");
  }

  @Test
  void aBlobThatIsNotWhatWasHandedOverMakesTheHelperFail() {
    HelpedSink sink =
        new HelpedSink(
            new BlobSink() {
              @Override
              public Id save(BlobType type, byte[] bytes, int offset, int length) {
                bytes[offset] ^= 1;
                return Id.of(bytes, offset, length);
              }

              @Override
              public boolean holds(BlobType type, Id id) {
                return false;
              }
            },
            2);
    Helper helper = helper(sink);
    sink.save(BlobType.DATA, bytes("first"));
    assertThatThrownBy(helper.end::get).rootCause().hasMessageContaining("changed while it waited");
  }

  @Test
  void allThatAnyWorkerSavesIsThereWhenAllHaveEnded() throws Exception {
    long seed = new Random().nextLong();
    HelpedSink sink = new HelpedSink(noting, 4);
    List<FutureTask<List<Id>>> workers = new ArrayList<>();
    for (int worker = 0; worker < 4; worker++) {
      Random random = new Random(seed + worker);
      int count = 500 * worker * worker;
      workers.add(
          new FutureTask<>(() -> {
            List<Id> ids = new ArrayList<>();
            byte[] buffer = new byte[100];
            for (int i = 0; i < count; i++) {
              random.nextBytes(buffer);
              ids.add(sink.save(BlobType.DATA, buffer, random.nextInt(50), 50));
            }
            sink.help();
            return ids;
          }));
    }
    workers.forEach(worker -> Thread.ofPlatform().start(worker));
    for (FutureTask<List<Id>> worker : workers) {
      for (Id id : worker.get()) {
        assertThat(Id.of(blobs.load(BlobType.DATA, id))).as("seed %d", seed).isEqualTo(id);
      }
    }
  }
}
