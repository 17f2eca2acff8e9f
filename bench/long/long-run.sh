# Sourced by the long runs: runs one integration test, and keeps its log beside the scripts.

# long_run NAME MODULE TEST WHAT PROPERTY…: WHAT is said in the log's first line; each PROPERTY is an option for Maven.
long_run() {
  local name=$1 module=$2 test=$3 what=$4
  shift 4
  local log=$PWD/bench/long/$name.log maven=$PWD/target/$name-maven.log begin=$SECONDS status=0
  mkdir -p target
  {
    echo "# bench/long/$name $what, $(date -u +%Y-%m-%dT%H:%MZ), commit $(git rev-parse --short HEAD), $(nproc) processors"
    echo "# $(restic version 2>/dev/null || echo 'no restic')"
  } >"$log"
  mvn -B verify -pl "$module" -am -Dtest=none -Dsurefire.failIfNoSpecifiedTests=false -Dit.test="$test" \
    -Dfailsafe.failIfNoSpecifiedTests=false "$@" >"$maven" 2>&1 || status=$?
  grep -E "^\[(ERROR|INFO|WARNING)\] Tests run:.*$test" "$maven" | sed 's/^\[[A-Z]*\] /# /; s/\x1b\[[0-9;]*m//g' >>"$log" || true
  echo "# $((SECONDS - begin)) s, build included; $( ((status == 0)) && echo 'all was well' || echo "FAILED, see target/$name-maven.log")" >>"$log"
  cat "$log"
  return "$status"
}
