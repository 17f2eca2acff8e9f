package stet.engine.postgres.catalog;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.postgres.connection.SqlText;
import stet.repository.json.JsonException;
import stet.repository.json.JsonObject;

/**
 * What {@code database.json} says: everything about a captured database that {@code pg_dump}'s
 * pre-data and post-data sections do not hold, except rows and the bytes of large objects.
 *
 * <p>Names are as in the catalogs, never quoted or encoded. Lists of {@link Grant}s that are null
 * stand for PostgreSQL's default privileges.
 *
 * @param server the server it was captured from
 * @param database the database's own properties
 * @param roles all roles that the database refers to, directly or by membership, by name
 * @param tablespaces names of all tablespaces in use but {@code pg_default}
 * @param extensions installed extensions by name
 * @param tables all tables with rows of their own. Ordinary ones and partitions come first, by
 *     schema and name; then the extensions' configuration tables, each after those that its foreign
 *     keys refer to
 * @param sequences all sequences by schema and name, with values read after the snapshot was taken
 * @param largeObjects all large objects by OID
 * @param objectCounts how many objects of each class there are, extensions' members left out; see
 *     {@link ObjectCounts}
 */
public record DatabaseDescription(
    Server server,
    Database database,
    List<Role> roles,
    List<String> tablespaces,
    List<Extension> extensions,
    List<Table> tables,
    List<Sequence> sequences,
    List<LargeObject> largeObjects,
    Map<String, Long> objectCounts) {
  private static final long FORMAT = 1;

  public DatabaseDescription {
    roles = List.copyOf(roles);
    tablespaces = List.copyOf(tablespaces);
    extensions = List.copyOf(extensions);
    tables = List.copyOf(tables);
    sequences = List.copyOf(sequences);
    largeObjects = List.copyOf(largeObjects);
    objectCounts = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(objectCounts));
  }

  /** The same with other numbers of objects. */
  public DatabaseDescription withCounts(Map<String, Long> counts) {
    return new DatabaseDescription(
        server, database, roles, tablespaces, extensions, tables, sequences, largeObjects, counts);
  }

  /**
   * A server.
   *
   * @param version {@code server_version_num}, such as 150008
   * @param versionText {@code server_version}, such as {@code 15.8 (Debian 15.8-0+deb12u1)}
   * @param systemIdentifier tells the cluster from all others; null where the role may not ask
   */
  public record Server(int version, String versionText, @Nullable String systemIdentifier) {
    /** The major version, such as 15; 9 for 9.6. */
    public int major() {
      return version / 10000;
    }
  }

  /**
   * Properties of the database as a whole.
   *
   * @param encoding the server encoding's name, such as {@code UTF8}
   * @param localeProvider who compares text
   * @param collate {@code LC_COLLATE}
   * @param ctype {@code LC_CTYPE}
   * @param locale the ICU or built-in provider's locale, null for libc
   * @param icuRules additional ICU collation rules, or null
   * @param collationVersion the version of the provider's collation recorded at creation, or null
   * @param monetary the setting {@code lc_monetary}, which the text of {@code money} depends on
   * @param owner name of the owning role
   * @param acl privileges on the database, or null for the default ones
   * @param connectionLimit at most so many connections, -1 for no limit
   * @param tablespace name of the default tablespace
   * @param comment the comment, or null
   * @param settings of {@code ALTER DATABASE … SET} and {@code ALTER ROLE … IN DATABASE … SET}
   * @param labels security labels on the database
   */
  public record Database(
      String name,
      String encoding,
      LocaleProvider localeProvider,
      String collate,
      String ctype,
      @Nullable String locale,
      @Nullable String icuRules,
      @Nullable String collationVersion,
      String monetary,
      String owner,
      @Nullable List<Grant> acl,
      int connectionLimit,
      String tablespace,
      @Nullable String comment,
      List<Setting> settings,
      List<SecurityLabel> labels) {
    public Database {
      acl = acl == null ? null : List.copyOf(acl);
      settings = List.copyOf(settings);
      labels = List.copyOf(labels);
    }
  }

  /** Who compares text. */
  public enum LocaleProvider {
    LIBC,
    ICU,
    BUILTIN;

    /** The word in files and in {@code CREATE DATABASE}. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One privilege.
   *
   * @param grantor the role that granted it
   * @param grantee the role that has it, or null for {@code PUBLIC}
   * @param privilege the keyword, such as {@code SELECT}
   * @param grantable whether the grantee may grant it on
   */
  public record Grant(
      String grantor, @Nullable String grantee, String privilege, boolean grantable) {}

  /**
   * A configuration parameter stored with a database or role.
   *
   * @param role the role it is limited to, or null
   * @param value as stored; for list parameters such as {@code search_path} already quoted SQL
   * @param sensitive whether its name suggests a secret, so that it must not reach other
   *     environments unasked
   */
  public record Setting(@Nullable String role, String name, String value, boolean sensitive) {}

  /** A security label. */
  public record SecurityLabel(String provider, String label) {}

  /**
   * A role, without its password.
   *
   * @param connectionLimit at most so many connections, -1 for no limit
   * @param validUntil when its password expires, as text of a {@code timestamptz} in UTC, or null
   * @param comment the comment, or null
   * @param settings of {@code ALTER ROLE … SET}, for all databases
   * @param memberOf the roles that it is a member of
   */
  public record Role(
      String name,
      boolean superuser,
      boolean inherit,
      boolean createRole,
      boolean createDatabase,
      boolean login,
      boolean replication,
      boolean bypassRls,
      int connectionLimit,
      @Nullable String validUntil,
      @Nullable String comment,
      List<Setting> settings,
      List<Membership> memberOf) {
    public Role {
      settings = List.copyOf(settings);
      memberOf = List.copyOf(memberOf);
    }
  }

  /**
   * Membership in a role.
   *
   * @param role the group
   * @param grantor who granted it
   * @param admin whether the member may grant it on
   * @param inherit whether the member has its privileges at once; null below PostgreSQL 16
   * @param set whether the member may {@code SET ROLE} to it; null below PostgreSQL 16
   */
  public record Membership(
      String role,
      String grantor,
      boolean admin,
      @Nullable Boolean inherit,
      @Nullable Boolean set) {}

  /** An installed extension. */
  public record Extension(String name, String version, String schema) {}

  /** What kind of table one is. */
  public enum TableKind {
    ORDINARY,
    /** A leaf of a partition tree. */
    PARTITION,
    /** A member of an extension with rows that belong to the user. */
    EXTENSION_CONFIGURATION;

    /** The word in files. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A table with rows of its own.
   *
   * @param oid the table's OID in the captured database
   * @param columns the columns of its COPY text in order: all but dropped and generated ones
   * @param types the columns' types as SQL, with all names qualified, and with the collation where
   *     it is not the type's own
   * @param condition SQL that selects an extension configuration table's rows, such as {@code WHERE
   *     NOT standard}; empty for all rows and for other kinds
   * @param unlogged whether the table is unlogged
   * @param root the root of a partition's tree, if its rows must be loaded through that; else null
   * @param directory the path of its rows below the component's directory, such as {@code
   *     data/public.orders}
   */
  public record Table(
      long oid,
      String schema,
      String name,
      List<String> columns,
      List<String> types,
      TableKind kind,
      String condition,
      boolean unlogged,
      @Nullable Root root,
      String directory) {
    public Table {
      columns = List.copyOf(columns);
      types = List.copyOf(types);
    }

    /** How messages name it: {@code "schema"."name"}. */
    public String quoted() {
      return SqlText.name(schema, name);
    }

    /** Whether its rows are loaded into the table itself. */
    public boolean isEntrance() {
      return root == null;
    }

    /** The quoted name of the table that its rows are loaded into: itself, or its tree's root. */
    public String quotedEntrance() {
      return root == null ? quoted() : SqlText.name(root.schema, root.name);
    }
  }

  /** A partitioned table that is no partition itself. */
  public record Root(String schema, String name) {}

  /** A sequence: {@code setval(…, lastValue, called)} restores it. */
  public record Sequence(String schema, String name, long lastValue, boolean called) {}

  /**
   * A large object. Its bytes are the file {@code large_objects/<oid>}.
   *
   * @param size bytes
   * @param hash SHA-256 of its bytes as 64 hexadecimal digits
   */
  public record LargeObject(
      long oid,
      String owner,
      @Nullable List<Grant> acl,
      @Nullable String comment,
      List<SecurityLabel> labels,
      long size,
      String hash) {
    public LargeObject {
      acl = acl == null ? null : List.copyOf(acl);
      labels = List.copyOf(labels);
    }
  }

  /** The file's content. */
  public JsonObject toJson() {
    JsonObject counts = new JsonObject();
    objectCounts.forEach(counts::put);
    return new JsonObject()
        .put("format", FORMAT)
        .put(
            "server",
            new JsonObject()
                .put("version", server.version)
                .put("version_text", server.versionText)
                .putIfPresent("system_identifier", server.systemIdentifier))
        .put("database", json(database))
        .put("roles", map(roles, DatabaseDescription::json))
        .put("tablespaces", tablespaces)
        .put(
            "extensions",
            map(
                extensions,
                e ->
                    new JsonObject()
                        .put("name", e.name)
                        .put("version", e.version)
                        .put("schema", e.schema)))
        .put("tables", map(tables, DatabaseDescription::json))
        .put(
            "sequences",
            map(
                sequences,
                s ->
                    new JsonObject()
                        .put("schema", s.schema)
                        .put("name", s.name)
                        .put("last_value", s.lastValue)
                        .put("called", s.called)))
        .put("large_objects", map(largeObjects, DatabaseDescription::json))
        .put("object_counts", counts);
  }

  private static JsonObject json(Database d) {
    JsonObject json =
        new JsonObject()
            .put("name", d.name)
            .put("encoding", d.encoding)
            .put("locale_provider", d.localeProvider.text())
            .put("collate", d.collate)
            .put("ctype", d.ctype)
            .putIfPresent("locale", d.locale)
            .putIfPresent("icu_rules", d.icuRules)
            .putIfPresent("collation_version", d.collationVersion)
            .put("monetary", d.monetary)
            .put("owner", d.owner);
    putAcl(json, d.acl);
    return json.put("connection_limit", d.connectionLimit)
        .put("tablespace", d.tablespace)
        .putIfPresent("comment", d.comment)
        .put("settings", map(d.settings, DatabaseDescription::json))
        .put("labels", map(d.labels, DatabaseDescription::json));
  }

  private static JsonObject json(Role r) {
    return new JsonObject()
        .put("name", r.name)
        .put("superuser", r.superuser)
        .put("inherit", r.inherit)
        .put("create_role", r.createRole)
        .put("create_database", r.createDatabase)
        .put("login", r.login)
        .put("replication", r.replication)
        .put("bypass_rls", r.bypassRls)
        .put("connection_limit", r.connectionLimit)
        .putIfPresent("valid_until", r.validUntil)
        .putIfPresent("comment", r.comment)
        .put("settings", map(r.settings, DatabaseDescription::json))
        .put(
            "member_of",
            map(
                r.memberOf,
                m ->
                    new JsonObject()
                        .put("role", m.role)
                        .put("grantor", m.grantor)
                        .put("admin", m.admin)
                        .putIfPresent("inherit", m.inherit)
                        .putIfPresent("set", m.set)));
  }

  private static JsonObject json(Table t) {
    return new JsonObject()
        .put("oid", t.oid)
        .put("schema", t.schema)
        .put("name", t.name)
        .put("columns", t.columns)
        .put("types", t.types)
        .put("kind", t.kind.text())
        .putIfPresent("condition", t.condition.isEmpty() ? null : t.condition)
        .putIfPresent("unlogged", t.unlogged ? true : null)
        .putIfPresent(
            "through_root",
            t.root == null
                ? null
                : new JsonObject().put("schema", t.root.schema).put("name", t.root.name))
        .put("directory", t.directory);
  }

  private static JsonObject json(LargeObject o) {
    JsonObject json = new JsonObject().put("oid", o.oid).put("owner", o.owner);
    putAcl(json, o.acl);
    json.putIfPresent("comment", o.comment);
    if (!o.labels.isEmpty()) {
      json.put("labels", map(o.labels, DatabaseDescription::json));
    }
    return json.put("size", o.size).put("hash", o.hash);
  }

  private static JsonObject json(Setting s) {
    return new JsonObject()
        .putIfPresent("role", s.role)
        .put("name", s.name)
        .put("value", s.value)
        .putIfPresent("sensitive", s.sensitive ? true : null);
  }

  private static JsonObject json(SecurityLabel l) {
    return new JsonObject().put("provider", l.provider).put("label", l.label);
  }

  private static void putAcl(JsonObject json, @Nullable List<Grant> acl) {
    if (acl != null) {
      json.put(
          "acl",
          map(
              acl,
              g ->
                  new JsonObject()
                      .put("grantor", g.grantor)
                      .putIfPresent("grantee", g.grantee)
                      .put("privilege", g.privilege)
                      .putIfPresent("grantable", g.grantable ? true : null)));
    }
  }

  /**
   * Parses the file's content.
   *
   * @param path the file's path in the snapshot, for messages
   * @throws StetException with {@code REPOSITORY_DAMAGED} if it is not such a file
   */
  public static DatabaseDescription parse(String path, byte[] content) {
    try {
      return fromJson(JsonObject.parse(content));
    } catch (JsonException e) {
      throw new StetException(
          ErrorCode.REPOSITORY_DAMAGED,
          path + ": " + e.getMessage(),
          "The snapshot was changed or written by a newer version of Stet; try another snapshot.",
          e);
    }
  }

  /**
   * Reads {@link #toJson()}.
   *
   * @throws JsonException naming the member that is not as expected
   */
  private static DatabaseDescription fromJson(JsonObject json) {
    if (json.integer("format") != FORMAT) {
      throw new JsonException(
          "member \"format\" must be " + FORMAT + ", but is " + json.integer("format"), null);
    }
    JsonObject server = json.object("server");
    JsonObject counts = json.object("object_counts");
    Map<String, Long> objectCounts = new LinkedHashMap<>();
    for (String key : counts.keys()) {
      objectCounts.put(key, counts.integer(key));
    }
    return new DatabaseDescription(
        new Server(
            int32(server, "version"),
            server.string("version_text"),
            server.optionalString("system_identifier")),
        database(json.object("database")),
        map(json.objects("roles"), DatabaseDescription::role),
        json.strings("tablespaces"),
        map(
            json.objects("extensions"),
            e -> new Extension(e.string("name"), e.string("version"), e.string("schema"))),
        map(json.objects("tables"), DatabaseDescription::table),
        map(
            json.objects("sequences"),
            s ->
                new Sequence(
                    s.string("schema"),
                    s.string("name"),
                    s.integer("last_value"),
                    flag(s, "called"))),
        map(json.objects("large_objects"), DatabaseDescription::largeObject),
        objectCounts);
  }

  private static Database database(JsonObject d) {
    return new Database(
        d.string("name"),
        d.string("encoding"),
        word(d, "locale_provider", LocaleProvider.values(), LocaleProvider::text),
        d.string("collate"),
        d.string("ctype"),
        d.optionalString("locale"),
        d.optionalString("icu_rules"),
        d.optionalString("collation_version"),
        d.string("monetary"),
        d.string("owner"),
        acl(d),
        int32(d, "connection_limit"),
        d.string("tablespace"),
        d.optionalString("comment"),
        map(d.objects("settings"), DatabaseDescription::setting),
        map(d.objects("labels"), DatabaseDescription::label));
  }

  private static Role role(JsonObject r) {
    return new Role(
        r.string("name"),
        flag(r, "superuser"),
        flag(r, "inherit"),
        flag(r, "create_role"),
        flag(r, "create_database"),
        flag(r, "login"),
        flag(r, "replication"),
        flag(r, "bypass_rls"),
        int32(r, "connection_limit"),
        r.optionalString("valid_until"),
        r.optionalString("comment"),
        map(r.objects("settings"), DatabaseDescription::setting),
        map(
            r.objects("member_of"),
            m ->
                new Membership(
                    m.string("role"),
                    m.string("grantor"),
                    flag(m, "admin"),
                    optionalFlag(m, "inherit"),
                    optionalFlag(m, "set"))));
  }

  private static Table table(JsonObject t) {
    String condition = t.optionalString("condition");
    return new Table(
        t.integer("oid"),
        t.string("schema"),
        t.string("name"),
        t.strings("columns"),
        t.strings("types"),
        word(t, "kind", TableKind.values(), TableKind::text),
        condition == null ? "" : condition,
        t.flag("unlogged", false),
        t.get("through_root") == null ? null : root(t.object("through_root")),
        t.string("directory"));
  }

  private static Root root(JsonObject r) {
    return new Root(r.string("schema"), r.string("name"));
  }

  private static LargeObject largeObject(JsonObject o) {
    return new LargeObject(
        o.integer("oid"),
        o.string("owner"),
        acl(o),
        o.optionalString("comment"),
        map(o.objects("labels"), DatabaseDescription::label),
        o.integer("size"),
        o.string("hash"));
  }

  private static Setting setting(JsonObject s) {
    return new Setting(
        s.optionalString("role"), s.string("name"), s.string("value"), s.flag("sensitive", false));
  }

  private static SecurityLabel label(JsonObject l) {
    return new SecurityLabel(l.string("provider"), l.string("label"));
  }

  private static @Nullable List<Grant> acl(JsonObject json) {
    if (json.get("acl") == null) {
      return null;
    }
    return map(
        json.objects("acl"),
        g ->
            new Grant(
                g.string("grantor"),
                g.optionalString("grantee"),
                g.string("privilege"),
                g.flag("grantable", false)));
  }

  private static boolean flag(JsonObject json, String key) {
    if (!json.has(key)) {
      throw new JsonException("member \"" + key + "\" must be a boolean, but is missing", null);
    }
    return json.flag(key, false);
  }

  private static @Nullable Boolean optionalFlag(JsonObject json, String key) {
    return json.get(key) == null ? null : (Boolean) json.flag(key, false);
  }

  private static int int32(JsonObject json, String key) {
    long value = json.integer(key);
    if (value != (int) value) {
      throw new JsonException(
          "member \"" + key + "\" must be an integer of 32 bits, but is " + value, null);
    }
    return (int) value;
  }

  private static <E> E word(JsonObject json, String key, E[] values, Function<E, String> text) {
    String word = json.string(key);
    for (E value : values) {
      if (text.apply(value).equals(word)) {
        return value;
      }
    }
    throw new JsonException("member \"" + key + "\" has the unknown value \"" + word + "\"", null);
  }

  private static <A, B> List<B> map(List<A> list, Function<A, B> function) {
    List<B> result = new ArrayList<>(list.size());
    for (A element : list) {
      result.add(function.apply(element));
    }
    return result;
  }
}
