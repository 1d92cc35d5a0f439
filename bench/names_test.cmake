# cmake -D PROGRAM=freshet-bench -P names_test.cmake: the benchmarks that scripts and bench/README.md name are there.
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
list(APPEND wanted words/hand words/event words/batch chain/event ledger/ channel/ nexmark/ yahoo/ windows/ state/ epoch_log/append
  bare/append_fdatasync batch/no_room/)
foreach(name IN LISTS wanted)
  if(NOT "\n${listed}" MATCHES "\n${name}")
    message(FATAL_ERROR "no benchmark begins with ${name}; there are:\n${listed}")
  endif()
endforeach()
