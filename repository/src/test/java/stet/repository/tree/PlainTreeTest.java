package stet.repository.tree;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.Seeded;

class PlainTreeTest {
  private static final String NAMES = " !#$%'()*+,-.0123456789:;=?@ABCxyz[]^_`{|}~";

  /** What the decoder of any tree makes of it, or null. */
  private static @Nullable List<Node> otherwise(byte[] blob) {
    try {
      return new TreeDecoder(blob).decode();
    } catch (RepositoryException e) {
      return null;
    }
  }

  private static byte[] tree(Random random) {
    List<Node> nodes = new ArrayList<>();
    Instant time = Instant.ofEpochSecond(random.nextLong(1L << 33), random.nextInt(1_000_000_000));
    for (int i = random.nextInt(20); i > 0; i--) {
      nodes.add(node(random, nodes.size(), time));
    }
    return Tree.encode(nodes);
  }

  private static Node node(Random random, int number, Instant time) {
    NodeType type = NodeType.values()[random.nextInt(NodeType.values().length)];
    StringBuilder name = new StringBuilder("%05d".formatted(number));
    for (int i = random.nextInt(20); i > 0; i--) {
      name.append(NAMES.charAt(random.nextInt(NAMES.length())));
    }
    List<Id> content = new ArrayList<>();
    for (int i = type == NodeType.FILE ? random.nextInt(4) : 0; i > 0; i--) {
      content.add(Id.of(Seeded.bytes(random, 3)));
    }
    return new Node(
        name.toString().getBytes(StandardCharsets.US_ASCII),
        type,
        random.nextInt(010000),
        time.plusNanos(random.nextInt(2)),
        random.nextBoolean() ? time : time.plusSeconds(random.nextInt(100_000)),
        time,
        random.nextLong(1L << 32),
        random.nextInt(3),
        random.nextBoolean() ? "" : "root",
        random.nextBoolean() ? "wheel" : "www-data",
        random.nextLong(1L << 50),
        random.nextInt(3),
        type == NodeType.FILE ? random.nextLong(1L << 50) : 0,
        random.nextInt(3),
        type == NodeType.SYMLINK ? name.toString().getBytes(StandardCharsets.US_ASCII) : null,
        List.of(),
        type == NodeType.BLOCK_DEVICE ? random.nextLong(1L << 40) : 0,
        content,
        type == NodeType.DIRECTORY ? Id.of(Seeded.bytes(random, 2)) : null);
  }

  @Test
  void readsWhatIsWrittenPlainly() {
    Seeded.run(random -> {
      for (int i = 0; i < 300; i++) {
        byte[] blob = tree(random);
        List<Node> nodes = PlainTree.decode(blob);
        assertThat(nodes).isNotNull().isEqualTo(otherwise(blob));
        assertThat(Tree.encode(nodes)).isEqualTo(blob);
      }
    });
  }

  /** It must never read anything in another sense. */
  @Test
  void leavesToTheOtherDecoderWhatItDoesNotKnow() {
    Seeded.run(random -> {
      int read = 0;
      for (int i = 0; i < 20_000; i++) {
        byte[] blob = Seeded.mutate(random, tree(random));
        List<Node> nodes = PlainTree.decode(blob);
        if (nodes != null) {
          assertThat(nodes).isEqualTo(otherwise(blob));
          read++;
        }
      }
      assertThat(read).as("mutations that are plain").isPositive();
    });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"nodes\":null}\n",
        "{\"nodes\":[]}",
        "{\"nodes\":[]} \n",
        "{\"nodes\":[{}]}\n",
        "{\"nodes\":[{\"type\":\"file\",\"name\":\"a\"}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"name\":\"b\",\"type\":\"file\"}]}\n",
        "{\"nodes\":[{\"name\":\"a\\\\\\\\\",\"type\":\"file\"}]}\n",
        "{\"nodes\":[{\"name\":\"caf\u00e9\",\"type\":\"file\"}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"mode\":4294967296}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"mode\":010}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"inode\":1e3}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"inode\":9223372036854775807}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"mtime\":\"2024-02-30T00:00:00Z\"}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"content\":[\"12\"]}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"pipe\",\"content\":null}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\"extended_attributes\":[]}]}\n",
        "{\"nodes\":[{\"name\":\"a\",\"type\":\"file\"",
        ""
      })
  void isNotPlain(String text) {
    assertThat(PlainTree.decode(text.getBytes(StandardCharsets.UTF_8))).isNull();
  }
}
