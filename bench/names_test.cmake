# cmake -D PROGRAM=freshet-bench [-D TBB=ON] [-D KAFKA=ON] -P names_test.cmake: the benchmarks that scripts and
# bench/README.md name are there. TBB: it is installed. KAFKA: the component is built.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND "${PROGRAM}" --benchmark_list_tests=true OUTPUT_VARIABLE listed RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PROGRAM}: exit status ${status}")
endif()
foreach(name IN ITEMS
    pipeline/hand_fused pipeline/event_best_effort pipeline/event_at_least_once pipeline/batch pipeline/batch_combined
    batch/checkpoints/none batch/checkpoints/every_batch event/checkpoints/best_effort event/checkpoints/every_second
    event/checkpoints/freeze)
  list(APPEND wanted "${name}/keys:1000" "${name}/keys:1000000")
endforeach()
foreach(name IN ITEMS event/checkpoint event/log batch/checkpoint batch/log)
  list(APPEND wanted "recovery/${name}/keys:1000/bytes:0" "recovery/${name}/keys:1000000/bytes:0")
endforeach()
list(APPEND wanted words/hand words/event words/batch chain/event ledger/ channel/ nexmark/ yahoo/ windows/ state/ epoch_log/append
  bare/append_fdatasync batch/no_room/)
if(TBB)
  list(APPEND wanted pipeline/tbb/keys:1000 pipeline/tbb/keys:1000000)
endif()
if(KAFKA)
  list(APPEND wanted kafka/copy/hand kafka/copy/event kafka/copy/batch kafka/latency/hand kafka/latency/event)
endif()
foreach(name IN LISTS wanted)
  # A whole name, as keys:1000 is not keys:1000000; Google Benchmark puts /real_time and the like behind it.
  set(end "[/\n]")
  if(name MATCHES "/$")
    set(end "")
  endif()
  if(NOT "\n${listed}" MATCHES "\n${name}${end}")
    message(FATAL_ERROR "there is no benchmark ${name}; there are:\n${listed}")
  endif()
endforeach()
