package stet.repository.pack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PackBuffersTest {
  @Test
  void anInterruptedSaverStillGetsItsBufferAndLearnsOfTheInterruptAfterwards() throws Exception {
    PackBuffers buffers = new PackBuffers(100, 1);
    byte[] only = buffers.take();
    FutureTask<Boolean> saver =
        new FutureTask<>(() -> buffers.take() == only && Thread.currentThread().isInterrupted());
    Thread thread = Thread.ofPlatform().start(saver);
    while (thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
    thread.interrupt();
    buffers.give(only);
    assertThat(saver.get()).isTrue();
  }
}
