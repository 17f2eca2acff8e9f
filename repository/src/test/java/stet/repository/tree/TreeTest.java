package stet.repository.tree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import stet.repository.BlobSink;
import stet.repository.BlobType;
import stet.repository.Id;
import stet.repository.RepositoryException;
import stet.repository.RepositoryException.Problem;
import stet.repository.Seeded;
import stet.repository.TinyRepository;

class TreeTest {
  private static final Instant TIME = Instant.parse("2024-01-02T03:04:05Z");
  private static final String ID =
      "fbbd69198637d5360353c39796181175de6311c2a61abe2fe6392c938018660f";
  private static final String TIMES =
      "\"mtime\":\"2024-01-02T03:04:05Z\",\"atime\":\"2024-01-02T03:04:05Z\","
          + "\"ctime\":\"2024-01-02T03:04:05Z\"";

  private static final String RESTIC =
      "{\"nodes\":[{\"name\":\"hello.txt\",\"type\":\"file\",\"mode\":420,"
          + TIMES
          + ",\"uid\":0,\"gid\":0,\"size\":13,\"content\":[\""
          + ID
          + "\"]}]}\n";

  /** One node of each kind, as restic writes them. */
  private static final String KINDS =
      "{\"nodes\":["
          + String.join(
              ",",
              "{\"name\":\"chardev\",\"type\":\"chardev\",\"mode\":69206454,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"user\":\"root\",\"group\":\"root\",\"inode\":7,"
                  + "\"device_id\":5,\"links\":1,\"device\":259,\"content\":null}",
              "{\"name\":\"dir\",\"type\":\"dir\",\"mode\":2148532735,"
                  + "\"mtime\":\"2024-01-02T04:04:05.25+01:00\",\"atime\":\"2024-01-02T04:04:05.25+01:00\","
                  + "\"ctime\":\"2024-07-02T05:04:05+02:00\",\"uid\":1000,\"gid\":4294967295,"
                  + "\"user\":\"J\u00f6\",\"group\":\"a\\u0026b\",\"inode\":18446744073709551615,"
                  + "\"device_id\":9223372036854775808,\"content\":null,\"subtree\":\""
                  + ID
                  + "\"}",
              "{\"name\":\"disk\",\"type\":\"dev\",\"mode\":67109296,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":6,\"links\":1,\"device\":2048,\"content\":null}",
              "{\"name\":\"empty\",\"type\":\"file\","
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"content\":[]}",
              "{\"name\":\"fifo\",\"type\":\"fifo\",\"mode\":33554852,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"content\":null}",
              "{\"name\":\"link\",\"type\":\"symlink\",\"mode\":134218239,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"links\":1,\"linktarget\":\"a\\u003cb\\\"\\b\\u0001\u00e9\u2603\","
                  + "\"content\":null}",
              "{\"name\":\"link2\",\"type\":\"symlink\",\"mode\":134218239,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"links\":1,\"linktarget\":\"\\ufffd\\ufffdx\\u003c\\ufffd\","
                  + "\"linktarget_raw\":\"4oJ4PP8=\",\"content\":null}",
              "{\"name\":\"suid\",\"type\":\"file\",\"mode\":8389101,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"size\":18446744073709551615,\"links\":2,"
                  + "\"extended_attributes\":[{\"name\":\"user.a\",\"value\":\"AAEC\"},"
                  + "{\"name\":\"user.b\",\"value\":\"\"}],"
                  + "\"generic_attributes\":{\"windows.creation_time\":{\"LowDateTime\":1,\"HighDateTime\":2}},"
                  + "\"content\":[\""
                  + ID
                  + "\",\""
                  + ID
                  + "\"],\"error\":\"old\"}",
              "{\"name\":\"tab\\\\tand\\u003camp\\u003e\\u0026\\\\xff\",\"type\":\"file\","
                  + "\"mode\":1074266532,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"content\":[]}",
              "{\"name\":\"we\\\\\\\"ird\\\\\\\\name\\\\u00a0\u00e9\",\"type\":\"socket\","
                  + "\"mode\":16777645,"
                  + TIMES
                  + ",\"uid\":0,\"gid\":0,\"content\":null}")
          + "]}\n";

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static Node decodeOne(String members) {
    List<Node> nodes = Tree.decode(utf8("{\"nodes\":[{" + members + "}]}"));
    assertThat(nodes).hasSize(1);
    return nodes.getFirst();
  }

  @Test
  void writesTheBytesThatResticWrites() {
    byte[] blob = Tree.encode(List.of(Node.file("hello.txt", TIME, 13, List.of(Id.parse(ID)))));
    assertThat(text(blob)).isEqualTo(RESTIC);
    assertThat(Id.of(blob)).isEqualTo(TinyRepository.TREE_BLOB);
    assertThat(Tree.decode(blob))
        .containsExactly(Node.file("hello.txt", TIME, 13, List.of(Id.parse(ID))));
  }

  @Test
  void writesDirectoriesThatNoFileSystemHas() {
    assertThat(text(Tree.encode(List.of(Node.directory("db", TIME, Id.parse(ID))))))
        .isEqualTo(
            "{\"nodes\":[{\"name\":\"db\",\"type\":\"dir\",\"mode\":2147484141,"
                + TIMES
                + ",\"uid\":0,\"gid\":0,\"content\":null,\"subtree\":\""
                + ID
                + "\"}]}\n");
  }

  @Test
  void writesEveryKindAsItWasRead() {
    List<Node> nodes = Tree.decode(utf8(KINDS));
    assertThat(text(Tree.encode(nodes))).isEqualTo(KINDS);
    assertThat(nodes)
        .extracting(Node::type)
        .containsExactly(
            NodeType.CHARACTER_DEVICE,
            NodeType.DIRECTORY,
            NodeType.BLOCK_DEVICE,
            NodeType.FILE,
            NodeType.FIFO,
            NodeType.SYMLINK,
            NodeType.SYMLINK,
            NodeType.FILE,
            NodeType.FILE,
            NodeType.SOCKET);
    assertThat(nodes)
        .extracting(Node::mode)
        .containsExactly(0666, 01777, 0660, 0, 0644, 0777, 0777, 04755, 0644, 0655);
    Node directory = nodes.get(1);
    assertThat(directory.modified()).isEqualTo(Instant.parse("2024-01-02T03:04:05.25Z"));
    assertThat(directory.changed()).isEqualTo(Instant.parse("2024-07-02T03:04:05Z"));
    assertThat(Long.toUnsignedString(directory.inode())).isEqualTo("18446744073709551615");
    assertThat(directory.gid()).isEqualTo(4_294_967_295L);
    assertThat(directory.user()).isEqualTo("Jö");
    assertThat(directory.requireSubtree()).isEqualTo(Id.parse(ID));
    assertThat(nodes.get(0).extras()).isNull();
    assertThat(nodes.get(6).linkTarget()).isEqualTo(TinyRepository.hex("e282783cff"));
    assertThat(nodes.get(7).xattrs())
        .containsExactly(
            new Xattr("user.a", new byte[] {0, 1, 2}), new Xattr("user.b", new byte[0]));
    assertThat(nodes.get(8).nameBytes()).isEqualTo(latin1("tab\tand<amp>&\u00ff"));
    assertThat(nodes).allSatisfy(node -> assertThat(Tree.fault(node)).isNull());
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  @Test
  void anEmptyDirectoryIsAnEmptyList() {
    assertThat(text(Tree.encode(List.of()))).isEqualTo("{\"nodes\":[]}\n");
    for (String empty : List.of("{\"nodes\":[]}\n", "{\"nodes\":null}", "{}", "{\"x\":[{}]}")) {
      assertThat(Tree.decode(utf8(empty))).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        " {\"nodes\" : [ %s ] } ",
        "{\"version\":{\"a\":[1]},\"nodes\":[%s],\"x\":null}",
        "{\"nodes\":[],\"nodes\":[%s]}\n\n"
      })
  void readsOtherLayouts(String layout) {
    String node = RESTIC.substring(10, RESTIC.length() - 3);
    assertThat(Tree.decode(utf8(layout.formatted(node)))).isEqualTo(Tree.decode(utf8(RESTIC)));
  }

  @Test
  void savesWithoutACopy() {
    TreeEncoder encoder = new TreeEncoder();
    encoder.add(Node.file("hello.txt", TIME, 13, List.of(Id.parse(ID))));
    BlobSink sink =
        new BlobSink() {
          @Override
          public Id save(BlobType type, byte[] bytes, int offset, int length) {
            assertThat(type).isEqualTo(BlobType.TREE);
            return Id.of(bytes, offset, length);
          }

          @Override
          public boolean holds(BlobType type, Id id) {
            return false;
          }
        };
    assertThat(encoder.save(sink)).isEqualTo(TinyRepository.TREE_BLOB);
  }

  @Test
  void readsNodesInAnyOrder() {
    String b = "{\"name\":\"b\",\"type\":\"fifo\"}";
    String a = "{\"name\":\"a\",\"type\":\"fifo\"}";
    assertThat(Tree.decode(utf8("{\"nodes\":[" + b + "," + a + "," + b + "]}")))
        .extracting(Node::name)
        .containsExactly("b", "a", "b");
  }

  @Test
  void readsOtherFormsOfTimes() {
    Node node =
        decodeOne(
            "\"name\":\"x\",\"type\":\"fifo\",\"mtime\":\"2024-01-02T03:04:05.500+00:00\","
                + "\"atime\":\"2024-01-02T03:04:05.5Z\",\"ctime\":\"2024-01-02T04:04:05.5+01:00\"");
    assertThat(node.modified()).isEqualTo(node.accessed()).isEqualTo(node.changed());
  }

  @Test
  void readsMembersThatAreMissingNullOrUnknown() {
    Node bare = decodeOne("\"type\":\"file\",\"name\":\"x\",\"content\":[],\"later\":{\"a\":[]}");
    assertThat(bare.modified()).isEqualTo(Instant.parse("0001-01-01T00:00:00Z"));
    assertThat(bare.uid()).isZero();
    assertThat(bare.user()).isEmpty();
    assertThat(bare.linkTarget()).isNull();
    Node nulls =
        decodeOne(
            "\"name\":\"x\",\"type\":\"file\",\"mode\":null,\"mtime\":null,\"atime\":null,\"uid\":null,"
                + "\"user\":null,\"inode\":null,\"linktarget\":null,\"extended_attributes\":null,"
                + "\"generic_attributes\":null,\"subtree\":null,\"content\":[]");
    assertThat(nulls).isEqualTo(bare);
    assertThat(decodeOne("\"name\":\"x\",\"type\":\"file\",\"content\":[],\"size\":0"))
        .isEqualTo(bare);
    Node xattr =
        decodeOne(
            "\"name\":\"x\",\"type\":\"file\",\"content\":[],"
                + "\"extended_attributes\":[{\"name\":\"user.x\",\"value\":null,\"more\":1}]");
    assertThat(xattr.xattrs()).containsExactly(new Xattr("user.x", new byte[0]));
    assertThat(decodeOne("\"name\":\"\\u00e9\",\"type\":\"fifo\"").name()).isEqualTo("é");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\u0001',
      value = {
        "\"name\":\"x\",\"type\":\"file\" | is a file without a list of blobs",
        "\"name\":\"x\",\"type\":\"file\",\"content\":null | is a file without a list of blobs",
        "\"name\":\"x\",\"type\":\"dir\" | is a directory without a tree",
        "\"type\":\"fifo\" | has no name",
        "\"name\":\"a/b\",\"type\":\"fifo\" | has a name with a slash or NUL in it",
        "\"name\":\"\\\\x00\",\"type\":\"fifo\" | has a name with a slash or NUL in it",
        "\"name\":\".\",\"type\":\"fifo\" | has a name that stands for another directory",
        "\"name\":\"..\",\"type\":\"fifo\" | has a name that stands for another directory",
        "\"name\":\"...\",\"type\":\"fifo\" |",
        "\"name\":\".x\",\"type\":\"fifo\" |",
      })
  void namesWhatIsWrongWithANode(String members, String fault) {
    assertThat(Tree.fault(decodeOne(members))).isEqualTo(fault);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"type\":\"file\",\"uid\":-1",
        "\"type\":\"file\",\"uid\":4294967296",
        "\"type\":\"file\",\"size\":9.0",
        "\"type\":\"file\",\"size\":18446744073709551616",
        "\"type\":\"file\",\"size\":\"9\"",
        "\"type\":\"file\",\"mode\":4294967296",
        "\"type\":\"file\",\"name\":\"a\\\"b\"",
        "\"type\":\"file\",\"name\":\"\\\\'\"",
        "\"type\":\"file\",\"name\":1",
        "\"type\":\"file\",\"mtime\":\"2024-01-02T03:04Z\"",
        "\"type\":\"file\",\"mtime\":\"12000-01-02T03:04:05Z\"",
        "\"type\":\"file\",\"mtime\":\"\"",
        "\"type\":\"file\",\"content\":[\"abc\"]",
        "\"type\":\"file\",\"content\":[null]",
        "\"type\":\"file\",\"content\":{}",
        "\"type\":\"file\",\"subtree\":\"\"",
        "\"type\":\"file\",\"linktarget_raw\":\"%\"",
        "\"type\":\"file\",\"extended_attributes\":[1]",
        "\"type\":\"file\",\"generic_attributes\":[]",
        "\"type\":\"irregular\"",
        "\"type\":\"File\"",
        "\"name\":\"x\"",
      })
  void refusesNodesThatResticCannotRead(String members) {
    assertThatThrownBy(() -> decodeOne(members))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED))
        .hasMessageStartingWith("not a tree: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{",
        "{\"nodes\":1}",
        "{\"nodes\":{}}",
        "{\"nodes\":[1]}",
        "{\"nodes\":[]} x",
        "{\"nodes\":[null]}"
      })
  void refusesOtherText(String text) {
    assertThatThrownBy(() -> Tree.decode(utf8(text)))
        .isInstanceOfSatisfying(
            RepositoryException.class, e -> assertThat(e.problem()).isEqualTo(Problem.DAMAGED));
  }

  @Test
  void refusesToWriteAnotherOrder() {
    Node a = Node.file("a", TIME, 0, List.of());
    Node b = Node.file("b", TIME, 0, List.of());
    assertThatThrownBy(() -> Tree.encode(List.of(b, a)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the node \"a\" must not come after \"b\"");
    assertThatThrownBy(() -> Tree.encode(List.of(a, a)))
        .isInstanceOf(IllegalArgumentException.class);
    for (String name : List.of("", ".", "..", "a/b", "\u0000")) {
      assertThatThrownBy(() -> Tree.encode(List.of(a.named(utf8(name)))))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /** Java orders text by UTF-16 units, where this pair is the other way round. */
  @Test
  void ordersNamesAsUnsignedBytes() {
    Node high = Node.file("\uff5e", TIME, 0, List.of());
    Node astral = Node.file("\ud83d\ude00", TIME, 0, List.of());
    Node ascii = Node.file("z", TIME, 0, List.of());
    List<Node> nodes = new ArrayList<>(List.of(astral, high, ascii));
    nodes.sort(Tree.BY_NAME);
    assertThat(nodes).containsExactly(ascii, high, astral);
    assertThat(Tree.decode(Tree.encode(nodes))).isEqualTo(nodes);
  }

  @Test
  void decodesWhatItEncoded() {
    Seeded.run(random -> {
      for (int i = 0; i < 300; i++) {
        List<Node> nodes = nodes(random, random.nextInt(30));
        byte[] blob = Tree.encode(nodes);
        assertThat(Tree.decode(blob)).isEqualTo(nodes);
        assertThat(Tree.encode(Tree.decode(blob))).isEqualTo(blob);
        List<Node> shuffled = new ArrayList<>(nodes);
        Collections.shuffle(shuffled, random);
        shuffled.sort(Tree.BY_NAME);
        assertThat(Tree.encode(shuffled)).isEqualTo(blob);
      }
    });
  }

  private static List<Node> nodes(Random random, int count) {
    TreeMap<byte[], Node> nodes = new TreeMap<>(Arrays::compareUnsigned);
    while (nodes.size() < count) {
      Node node = node(random);
      if (Tree.nameFault(node.nameBytes()) == null) {
        nodes.put(node.nameBytes(), node);
      }
    }
    return List.copyOf(nodes.values());
  }

  private static Node node(Random random) {
    NodeType type = NodeType.values()[random.nextInt(NodeType.values().length)];
    List<Id> content = new ArrayList<>();
    if (type == NodeType.FILE) {
      for (int n = random.nextInt(4); n > 0; n--) {
        content.add(Id.of(Seeded.bytes(random, 1)));
      }
    }
    List<Xattr> xattrs = new ArrayList<>();
    for (int n = random.nextInt(3); n > 0; n--) {
      xattrs.add(new Xattr("user." + anyText(random), Seeded.bytes(random, random.nextInt(9))));
    }
    byte[] target = Seeded.bytes(random, 1 + random.nextInt(9));
    return new Node(
        random.nextBoolean()
            ? Seeded.bytes(random, 1 + random.nextInt(12))
            : utf8(anyText(random) + random.nextInt(100)),
        type,
        random.nextInt(010000),
        time(random),
        time(random),
        time(random),
        random.nextLong(1L << 32),
        random.nextLong(1L << 32),
        anyText(random),
        anyText(random),
        random.nextLong(),
        random.nextInt(3),
        type == NodeType.FILE ? random.nextLong(1L << 62) >> random.nextInt(62) : 0,
        random.nextInt(3),
        type == NodeType.SYMLINK ? target : null,
        xattrs,
        type == NodeType.BLOCK_DEVICE ? random.nextLong() : 0,
        content,
        type == NodeType.DIRECTORY ? Id.of(Seeded.bytes(random, 2)) : null);
  }

  private static Instant time(Random random) {
    return Instant.ofEpochSecond(
        random.nextLong(-62_000_000_000L, 253_000_000_000L),
        random.nextBoolean() ? 0 : random.nextInt(1_000_000_000));
  }

  private static String anyText(Random random) {
    int[] points =
        random
            .ints(random.nextInt(6), 0, 0x110000)
            .map(c -> random.nextBoolean() ? c % 0x80 : c)
            .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
            .toArray();
    return new String(points, 0, points.length);
  }

  @Test
  void reportsAnyDamage() {
    Seeded.run(random -> {
      byte[] blob = utf8(KINDS);
      for (int i = 0; i < 20_000; i++) {
        List<Node> nodes;
        try {
          nodes = Tree.decode(Seeded.mutate(random, blob));
        } catch (RepositoryException e) {
          assertThat(e.problem()).isEqualTo(Problem.DAMAGED);
          continue;
        }
        nodes.forEach(Tree::fault);
      }
    });
  }

  @Test
  void reportsAnyTruncation() {
    byte[] blob = utf8(KINDS);
    for (int length = 0; length < blob.length - 1; length++) {
      byte[] cut = Arrays.copyOf(blob, length);
      assertThatThrownBy(() -> Tree.decode(cut)).isInstanceOf(RepositoryException.class);
    }
  }
}
